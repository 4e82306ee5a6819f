import type { ByteStream, Endpoint } from "../base/byte-stream.ts";

export interface Input {
  readonly isTerminal: boolean;
  /** The next bytes, undefined at the end. */
  read(): Promise<Uint8Array | undefined>;
}

export interface Output {
  readonly isTerminal: boolean;
  write(data: string | Uint8Array): Promise<void>;
}

/** The terminal on standard input and output. */
export interface Terminal {
  size(): { columns: number; rows: number } | undefined;
  /** Every key as typed; the returned function restores. */
  makeRaw(): () => void;
  /** Nothing typed is shown; the returned function restores. */
  hideInput(): () => void;
  onResize(listener: () => void): () => void;
}

/** All of the machine that the command line touches beside files. */
export interface Io {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  dial(endpoint: Endpoint): Promise<ByteStream>;
  /** Calls back instead of dying from a signal; the returned function undoes it. */
  onSignal(name: string, listener: () => void): () => void;
  /** Full path of a program: looked for in the PATH, or the path itself. Undefined when it cannot be executed. */
  findProgram(nameOrPath: string): string | undefined;
  /** Becomes another program, with these variables beside those of `env`. Returns only by failing. */
  become(program: string, args: readonly string[], more: Readonly<Record<string, string>>): Promise<never>;
  /** Runs a credential helper to its end. Rejects when the program is missing. */
  runProgram(program: string, args: readonly string[], input: string): Promise<{ exitCode: number; stdout: string }>;
}
