import { request as httpRequest, type IncomingMessage } from "node:http";
import { shapeProblems } from "../../src/api/shape.ts";
import { checkBody, type Exchanged, operationOf, statusShape } from "./api-rules.ts";
import { type Hijacked, openHijacked } from "./hijacked.ts";

export interface ApiRequest {
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

// biome-ignore lint/suspicious/noExplicitAny: tests look into replies whose shape the client has checked already
export type Json = any;

export interface ApiReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON; undefined when it is something else. */
  readonly json: Json;
}

export interface LineStream {
  readonly status: number;
  /** Every line, checked; ends with the answer. */
  readonly lines: AsyncIterableIterator<Json>;
  /** The first line that fits; fails when the answer ends before. */
  find(fits: (line: Json) => boolean): Promise<Json>;
  close(): void;
}

/** Talks to a daemon and holds every exchange against the specification: one that does not fit throws. */
export class ApiClient {
  readonly socketPath: string;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  async request(method: string, path: string, options: ApiRequest = {}): Promise<ApiReply> {
    const response = await this.#send(method, path, options);
    const chunks: Buffer[] = [];
    for await (const chunk of response as AsyncIterable<Buffer>) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const text = body.toString();
    const isJson = (response.headers["content-type"] ?? "").startsWith("application/json");
    const reply = { status: response.statusCode!, headers: response.headers, body, text };
    checkBody({ method, path, status: reply.status, isJson, text });
    return { ...reply, json: isJson && text.trim() !== "" ? parseJson(text) : undefined };
  }

  readonly get = (path: string, query: ApiRequest["query"] = {}): Promise<ApiReply> =>
    this.request("GET", path, { query });

  readonly post = (path: string, options: ApiRequest = {}): Promise<ApiReply> => this.request("POST", path, options);

  readonly delete = (path: string, query: ApiRequest["query"] = {}): Promise<ApiReply> =>
    this.request("DELETE", path, { query });

  /** Like `request`, for exchanges that must succeed: returns the JSON, throws what the daemon says otherwise. */
  async ok(method: string, path: string, options: ApiRequest = {}): Promise<Json> {
    const reply = await this.request(method, path, options);
    if (reply.status >= 300) throw new Error(`${method} ${path}: ${reply.status} ${reply.text.trim()}`);
    return reply.json ?? reply.text;
  }

  /** An answer of JSON lines, each checked as it comes. */
  async stream(method: string, path: string, options: ApiRequest = {}): Promise<LineStream> {
    const response = await this.#send(method, path, options);
    const exchanged = { method, path, status: response.statusCode! };
    const lines = checkedLines(response, exchanged);
    return {
      status: exchanged.status,
      lines,
      find: (fits) => firstOf(lines, fits),
      close: () => void response.destroy(),
    };
  }

  /** The raw answer as it comes, for streams that are not lines of JSON. */
  async raw(method: string, path: string, options: ApiRequest = {}): Promise<IncomingMessage> {
    const response = await this.#send(method, path, options);
    statusShape({ method, path, status: response.statusCode! });
    return response;
  }

  /** A connection that stops being HTTP: attach and exec start. */
  hijack(path: string, options: ApiRequest & { upgrade?: boolean } = {}): Promise<Hijacked> {
    operationOf("POST", path);
    return openHijacked(this.socketPath, {
      target: target(path, options.query),
      body: options.json === undefined ? "" : JSON.stringify(options.json),
      upgrade: options.upgrade ?? true,
    });
  }

  #send(method: string, path: string, { query, json, body, headers = {} }: ApiRequest): Promise<IncomingMessage> {
    const data = json === undefined ? body : JSON.stringify(json);
    const type = json === undefined ? "application/octet-stream" : "application/json";
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          socketPath: this.socketPath,
          method,
          path: target(path, query),
          agent: false,
          headers: {
            Host: "isle",
            ...(data !== undefined && { "Content-Type": type, "Content-Length": Buffer.byteLength(data) }),
            ...headers,
          },
        },
        resolve,
      );
      request.once("error", reject);
      request.end(data);
    });
  }
}

function target(path: string, query: ApiRequest["query"] = {}): string {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join("&");
  return text === "" ? path : `${path}?${text}`;
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function* checkedLines(response: IncomingMessage, exchanged: Exchanged): AsyncIterableIterator<Json> {
  const { shape, definitions } = statusShape(exchanged);
  let rest = "";
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const lines = (rest + chunk.toString()).split("\n");
    rest = lines.pop()!;
    for (const line of lines.map((text) => text.trim()).filter(Boolean)) {
      const value = JSON.parse(line) as Json;
      const problems = shape ? shapeProblems(value, shape, { definitions, strict: true }) : [];
      if (problems.length > 0)
        throw new Error(`${exchanged.method} ${exchanged.path}: ${problems.join("; ")}: ${line}`);
      yield value;
    }
  }
}

async function firstOf(lines: AsyncIterableIterator<Json>, fits: (line: Json) => boolean): Promise<Json> {
  for (;;) {
    const { done, value } = await lines.next();
    if (done) throw new Error("the stream ended before the line came");
    if (fits(value)) return value;
  }
}
