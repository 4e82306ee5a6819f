import { readFileSync } from "node:fs";
import type { ByteStream, Endpoint, TlsFiles } from "../base/byte-stream.ts";

/** Bytes kept for a reader that lags before the sender is held back. */
const highWaterBytes = 1024 * 1024;

/** Connects to a daemon. Rejects with the system's error (ENOENT, ECONNREFUSED, …). */
export async function dial(endpoint: Endpoint): Promise<ByteStream> {
  const connection = new Connection();
  const socket = { binaryType: "uint8array" as const, ...connection.handlers };
  if (endpoint.kind === "unix") {
    await Bun.connect({ unix: endpoint.path, allowHalfOpen: true, socket });
    return connection;
  }
  const tls = endpoint.tls === undefined ? {} : { tls: tlsOptions(endpoint.tls, endpoint.host) };
  await Bun.connect({ hostname: endpoint.host, port: endpoint.port, allowHalfOpen: true, socket, ...tls });
  if (endpoint.tls !== undefined) await connection.secured;
  return connection;
}

function tlsOptions({ ca, cert, key, verify }: TlsFiles, serverName: string) {
  const optional = (name: string, path: string | undefined) =>
    path === undefined ? {} : { [name]: readFileSync(path) };
  return {
    rejectUnauthorized: verify,
    serverName,
    ...optional("ca", ca),
    ...optional("cert", cert),
    ...optional("key", key),
  };
}

type Socket = Bun.Socket<undefined>;
type Waiter<T> = { resolve(value: T): void; reject(error: unknown): void };

class Connection implements ByteStream {
  #socket: Socket | undefined;
  readonly #chunks: Uint8Array[] = [];
  #chunkBytes = 0;
  #paused = false;
  #ended = false;
  #error: unknown;
  #reader: Waiter<Uint8Array | undefined> | undefined;
  #drained: Waiter<void> | undefined;
  readonly #handshake = Promise.withResolvers<void>();

  /** Settles with the TLS handshake. */
  get secured(): Promise<void> {
    return this.#handshake.promise;
  }

  readonly handlers = {
    open: (socket: Socket) => {
      this.#socket = socket;
    },
    handshake: (_: Socket, success: boolean, error: Error | null) => {
      if (success && !error) this.#handshake.resolve();
      else this.#handshake.reject(error ?? new Error("the TLS handshake failed"));
    },
    data: (socket: Socket, data: Uint8Array) => this.#received(socket, data),
    drain: () => this.#drained?.resolve(),
    end: () => this.#finish(undefined),
    close: (_: Socket, error?: Error) => this.#finish(error),
    error: (_: Socket, error: Error) => this.#finish(error),
  };

  read(): Promise<Uint8Array | undefined> {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#chunkBytes -= chunk.length;
      if (this.#paused && this.#chunkBytes < highWaterBytes / 2) this.#resume();
      return Promise.resolve(chunk);
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
    });
  }

  async write(data: Uint8Array): Promise<void> {
    for (let at = 0; at < data.length; ) {
      const written = this.#socket!.write(data, at, data.length - at);
      if (written < 0) throw this.#error ?? new Error("the connection is closed");
      at += written;
      if (at < data.length) await this.#drain();
    }
  }

  end(): void {
    this.#socket!.shutdown();
  }

  close(): void {
    this.#socket!.terminate();
    this.#finish(undefined);
  }

  #received(socket: Socket, data: Uint8Array): void {
    if (this.#reader !== undefined) {
      const { resolve } = this.#reader;
      this.#reader = undefined;
      resolve(data);
      return;
    }
    this.#chunks.push(data);
    this.#chunkBytes += data.length;
    if (this.#chunkBytes > highWaterBytes && !this.#paused) {
      this.#paused = true;
      socket.pause();
    }
  }

  #resume(): void {
    this.#paused = false;
    this.#socket!.resume();
  }

  #drain(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#drained = { resolve, reject };
    });
  }

  #finish(error: unknown): void {
    this.#ended = true;
    this.#error ??= error;
    this.#handshake.promise.catch(() => {});
    this.#handshake.reject(error ?? new Error("the connection was closed during the TLS handshake"));
    const reader = this.#reader;
    this.#reader = undefined;
    if (error === undefined || error === null) reader?.resolve(undefined);
    else reader?.reject(error);
    this.#drained?.reject(error ?? new Error("the connection is closed"));
  }
}
