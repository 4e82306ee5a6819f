/** A two-way stream of bytes, such as a connection. Pull-based: what is not read is not received. */
export interface ByteStream {
  /** The next bytes; undefined once the other side ended. Rejects when the connection broke. One read at a time. */
  read(): Promise<Uint8Array | undefined>;
  /** Resolves when the bytes are handed on; a slow reader at the other end makes it wait. */
  write(data: Uint8Array): Promise<void>;
  /** Ends our direction only; the other side may go on sending. */
  end(): void;
  /** Drops the connection at once. A pending read resolves to undefined. */
  close(): void;
}

/** Where a daemon listens. */
export type Endpoint =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls?: TlsFiles | undefined };

/** Paths of PEM files. Without `verify` the server's certificate is not checked. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly verify: boolean;
}
