import type { ByteStream } from "../base/byte-stream.ts";
import { ByteReader } from "./byte-reader.ts";

const headLimit = 256 * 1024;
const lineLimit = 16 * 1024;
const crlf = new Uint8Array([13, 10]);

export type RequestBody = string | Uint8Array | AsyncIterable<Uint8Array>;

export interface RequestHead {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Path and query, encoded. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: RequestBody | undefined;
}

export interface ResponseHead {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

/** HTTP/1.1 over one byte stream, one exchange after the other. */
export class HttpConnection {
  readonly #stream: ByteStream;
  readonly #reader: ByteReader;
  /** False once the stream cannot carry another exchange. */
  reusable = true;

  constructor(stream: ByteStream) {
    this.#stream = stream;
    this.#reader = new ByteReader(stream);
  }

  /** Sends a request and reads the answer's head. The body must be read to its end before the next exchange. */
  async exchange(request: RequestHead): Promise<ResponseHead> {
    const { body } = request;
    if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
      await this.#stream.write(encodeRequest(request, body));
      return this.#readHead();
    }
    await this.#stream.write(encodeRequest(request, undefined, true));
    const answer = this.#readHead();
    const answered = answer.then(
      () => true as const,
      () => true as const,
    );
    await this.#sendChunks(body, answered);
    return answer;
  }

  /** Pieces of the body that belongs to `head`. */
  async *body(method: RequestHead["method"], head: ResponseHead): AsyncGenerator<Uint8Array, void> {
    const length = bodyLength(method, head);
    if (length === "chunked") yield* this.#chunkedBody();
    else if (length === "untilClose") yield* this.#untilClose();
    else yield* this.#countedBody(length);
    if (head.headers.get("connection")?.toLowerCase() === "close") this.reusable = false;
  }

  /** The raw stream after an upgrade, beginning with bytes that came along with the answer. */
  takeOver(): ByteStream {
    const stream = this.#stream;
    let rest = this.#reader.takeRest();
    this.reusable = false;
    return {
      read() {
        if (rest.length === 0) return stream.read();
        const first = rest;
        rest = first.subarray(first.length);
        return Promise.resolve(first);
      },
      write: (data) => stream.write(data),
      end: () => stream.end(),
      close: () => stream.close(),
    };
  }

  close(): void {
    this.reusable = false;
    this.#stream.close();
  }

  async #readHead(): Promise<ResponseHead> {
    for (;;) {
      const head = parseHead(await this.#reader.readUntil("\r\n\r\n", headLimit));
      const isInterim = head.status >= 100 && head.status < 200 && head.status !== 101;
      if (!isInterim) return head;
    }
  }

  /**
   * Sends a streamed body; stops when the daemon answers early, since it will not read the rest. The far end may take no
   * more after its answer: that then says why.
   */
  async #sendChunks(body: AsyncIterable<Uint8Array>, answered: Promise<true>): Promise<void> {
    const write = (bytes: Uint8Array): Promise<unknown> => this.#stream.write(bytes).catch(() => answered);
    const iterator = body[Symbol.asyncIterator]();
    for (;;) {
      const next = await Promise.race([iterator.next(), answered]);
      if (next === true) {
        this.reusable = false;
        void iterator.return?.();
        return;
      }
      if (next.done) break;
      if (next.value.length === 0) continue;
      const size = new TextEncoder().encode(`${next.value.length.toString(16)}\r\n`);
      await Promise.race([write(Buffer.concat([size, next.value, crlf])), answered]);
    }
    await write(new TextEncoder().encode("0\r\n\r\n"));
  }

  async *#countedBody(length: number): AsyncGenerator<Uint8Array, void> {
    for (let left = length; left > 0; ) {
      const piece = await this.#reader.readSome(left);
      if (piece === undefined) throw new Error("unexpected EOF");
      left -= piece.length;
      yield piece;
    }
  }

  async *#chunkedBody(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const size = Number.parseInt(await this.#reader.readUntil("\r\n", lineLimit), 16);
      if (Number.isNaN(size)) throw new Error("malformed chunk in the answer");
      if (size === 0) break;
      yield* this.#countedBody(size);
      await this.#reader.readUntil("\r\n", lineLimit);
    }
    while ((await this.#reader.readUntil("\r\n", lineLimit)) !== "") {
      // trailers carry nothing we use
    }
  }

  async *#untilClose(): AsyncGenerator<Uint8Array, void> {
    this.reusable = false;
    for (;;) {
      const piece = await this.#reader.readSome(Number.MAX_SAFE_INTEGER);
      if (piece === undefined) return;
      yield piece;
    }
  }
}

function encodeRequest(
  { method, path, headers }: RequestHead,
  body?: string | Uint8Array,
  chunked = false,
): Uint8Array {
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  let head = `${method} ${path} HTTP/1.1\r\nHost: isle\r\nUser-Agent: isle\r\n`;
  for (const [name, value] of Object.entries(headers ?? {})) head += `${name}: ${value.replace(/[\r\n]/g, "")}\r\n`;
  if (chunked) head += "Transfer-Encoding: chunked\r\n";
  else if (bytes !== undefined || method === "POST" || method === "PUT")
    head += `Content-Length: ${bytes?.length ?? 0}\r\n`;
  const encoded = new TextEncoder().encode(`${head}\r\n`);
  return bytes === undefined || bytes.length === 0 ? encoded : Buffer.concat([encoded, bytes]);
}

function parseHead(text: string): ResponseHead {
  const [first = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first);
  if (!status) throw new Error("the answer is not HTTP/1.1");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(status[1]), headers };
}

function bodyLength(method: string, { status, headers }: ResponseHead): number | "chunked" | "untilClose" {
  if (method === "HEAD" || status === 204 || status === 304) return 0;
  if (headers.get("transfer-encoding")?.toLowerCase().includes("chunked")) return "chunked";
  const length = headers.get("content-length");
  if (length === undefined) return "untilClose";
  if (!/^\d+$/.test(length)) throw new Error("malformed Content-Length in the answer");
  return Number(length);
}
