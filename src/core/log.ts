/** One piece of output as the supervisor recorded it. */
export interface LogEntry {
  readonly timeNano: bigint;
  readonly stream: "stdout" | "stderr";
  /** With its line end, when it ended one. */
  readonly data: Uint8Array;
  /** The line goes on in a later entry. */
  readonly partial: boolean;
}

export interface LogReadOptions {
  /** Only entries at or after this moment, in nanoseconds since 1970. */
  readonly since?: bigint | undefined;
  readonly until?: bigint | undefined;
  /** Only the last so many lines; undefined for all. */
  readonly tail?: number | undefined;
}

export interface LogRotation {
  readonly maxBytes: number;
  /** Files kept, the current one included. */
  readonly maxFiles: number;
}

/** Where in a log a reader stands, so that following begins exactly there. */
export interface LogPosition {
  readonly file: number;
  readonly offset: number;
}

/**
 * The logs that supervisors write. A follower sees every entry once and in order, also across a rotation; it ends when
 * told that the writer ended and everything written before was read.
 */
export interface LogStore {
  /** Stored entries of the current and all rotated files, oldest first. */
  read(path: string, options?: LogReadOptions): AsyncIterable<LogEntry>;
  /** The end of the log now. */
  end(path: string): LogPosition;
  follow(path: string, from: LogPosition | undefined, ended: Promise<unknown>): AsyncIterable<LogEntry>;
  /** Sets the current file aside when it has outgrown the limit; true when the writer must reopen its log. */
  rotate(path: string, rotation: LogRotation): boolean;
  /** Calls back as the log grows, until the returned function is called. */
  watchGrowth(path: string, onGrowth: (sizeBytes: number) => void): () => void;
  remove(path: string): void;
  sizeBytes(path: string): number;
}
