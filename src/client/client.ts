import type { ByteStream } from "../base/byte-stream.ts";
import { ClosedError, ConnectError, refusal } from "./errors.ts";
import { HttpConnection, type RequestBody, type RequestHead, type ResponseHead } from "./http-connection.ts";
import { jsonLines } from "./json-lines.ts";
import { type QueryValues, queryString } from "./query-string.ts";

/** The version of the API this client speaks. */
export const apiVersion = "1.51";

export type { RequestBody as RequestBodyLike } from "./http-connection.ts";

export interface ClientOptions {
  /** Opens a connection to the daemon. */
  readonly dial: () => Promise<ByteStream>;
  /** Named in errors, such as `unix:///run/isle/isle.sock`. */
  readonly host: string;
}

export interface CallOptions {
  readonly query?: QueryValues;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is, `application/x-tar` unless `headers` say otherwise. */
  readonly body?: RequestBody;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends the call: the connection is dropped. */
  readonly signal?: AbortSignal | undefined;
}

type Method = RequestHead["method"];

/** An answer whose body is still on its way; `body` must be read to its end, or `cancel` called. */
export interface Answer extends ResponseHead {
  readonly body: AsyncGenerator<Uint8Array, void>;
  cancel(): void;
}

/** Calls the daemon. Answers of 400 and above reject with ResponseError, a missing daemon with ConnectError. */
export class Client {
  readonly #options: ClientOptions;
  readonly #idle: HttpConnection[] = [];

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  get host(): string {
    return this.#options.host;
  }

  async stream(method: Method, path: string, options: CallOptions = {}): Promise<Answer> {
    const { connection, head } = await this.#exchange(encodeCall(method, path, options));
    const stop = () => connection.close();
    options.signal?.addEventListener("abort", stop, { once: true });
    try {
      const body = this.#bodyOf(connection, method, head, () => options.signal?.removeEventListener("abort", stop));
      if (head.status >= 400) throw refusal(head.status, await textOf(body));
      return { ...head, body, cancel: stop };
    } catch (error) {
      if (!connection.reusable) connection.close();
      throw error;
    }
  }

  async text(method: Method, path: string, options?: CallOptions): Promise<string> {
    return textOf((await this.stream(method, path, options)).body);
  }

  /** The answer's JSON; undefined for an empty body. */
  async json<T>(method: Method, path: string, options?: CallOptions): Promise<T> {
    const text = await this.text(method, path, options);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** A stream of JSON values, one after the other. */
  async *lines<T>(method: Method, path: string, options?: CallOptions): AsyncGenerator<T, void> {
    const { body } = await this.stream(method, path, options);
    yield* jsonLines<T>(body);
  }

  /** Takes a connection over as a raw stream in both directions. */
  async hijack(method: Method, path: string, options: CallOptions = {}): Promise<ByteStream & { contentType: string }> {
    const headers = { ...options.headers, Connection: "Upgrade", Upgrade: "tcp" };
    const { connection, head } = await this.#exchange(encodeCall(method, path, { ...options, headers }));
    if (head.status >= 400) throw refusal(head.status, await textOf(connection.body(method, head)));
    return Object.assign(connection.takeOver(), { contentType: head.headers.get("content-type") ?? "" });
  }

  close(): void {
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  /** Sends a request on a kept connection; when the daemon dropped that one meanwhile, on a new one. */
  async #exchange(request: RequestHead): Promise<{ connection: HttpConnection; head: ResponseHead }> {
    const kept = this.#idle.pop();
    const canRepeat = request.body === undefined || typeof request.body === "string";
    if (kept !== undefined && canRepeat) {
      try {
        return { connection: kept, head: await kept.exchange(request) };
      } catch (error) {
        kept.close();
        if (!(error instanceof ClosedError)) throw error;
      }
    }
    const connection = await this.#connect();
    try {
      return { connection, head: await connection.exchange(request) };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #connect(): Promise<HttpConnection> {
    try {
      return new HttpConnection(await this.#options.dial());
    } catch (error) {
      throw new ConnectError(this.#options.host, error);
    }
  }

  async *#bodyOf(
    connection: HttpConnection,
    method: Method,
    head: ResponseHead,
    done: () => void,
  ): AsyncGenerator<Uint8Array, void> {
    let complete = false;
    try {
      yield* connection.body(method, head);
      complete = true;
    } finally {
      done();
      if (complete && connection.reusable) this.#idle.push(connection);
      else connection.close();
    }
  }
}

function encodeCall(method: Method, path: string, { query, json, body, headers }: CallOptions): RequestHead {
  const target = `/v${apiVersion}${path}${query === undefined ? "" : queryString(query)}`;
  if (json !== undefined) {
    return {
      method,
      path: target,
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(json),
    };
  }
  const type: Record<string, string> = body === undefined ? {} : { "Content-Type": "application/x-tar" };
  return { method, path: target, headers: { ...type, ...headers }, body };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return new TextDecoder().decode(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces));
}
