import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { IsleError, isErrno } from "../base/error.ts";

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/** Runs a program to its end and returns what it printed. A program that cannot be found fails with unavailable. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const child = start(program, args, {
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    ...(options.env && { env: options.env }),
    ...(options.cwd && { cwd: options.cwd }),
    ...(options.signal && { signal: options.signal }),
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin?.on("error", () => {}).end(options.input);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(spawnError(program, error)));
    child.once("close", (code, signal) => {
      const text = (chunks: Buffer[]) => Buffer.concat(chunks).toString();
      resolve({ exitCode: code ?? signalExitCode(signal), stdout: text(stdout), stderr: text(stderr) });
    });
  });
}

/** Runs a program and fails with its error output when it ends with anything but 0. */
export async function runOk(program: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(program, args, options);
  if (result.exitCode === 0) return result.stdout;
  const said = (result.stderr || result.stdout).trim();
  throw new IsleError("internal", `${program} ${args[0] ?? ""} failed (exit ${result.exitCode}): ${said}`);
}

/** Starts a program without a shell. The one place that spawns. */
export function start(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  return spawn(program, args, options);
}

export function spawnError(program: string, error: unknown): unknown {
  if (isErrno(error, "EACCES")) return new IsleError("unavailable", `${program} cannot be executed`, { cause: error });
  if (!isErrno(error, "ENOENT")) return error;
  return new IsleError("unavailable", `${program} is not installed`, { hint: "see isle doctor", cause: error });
}

const signalExitCode = (signal: NodeJS.Signals | null): number => (signal === null ? 255 : 128);

export interface TerminalProcess {
  readonly pid: number;
  /** Exit code, once everything it printed was handed on. */
  readonly exited: Promise<number>;
  write(data: Uint8Array): void;
  resize(columns: number, rows: number): void;
  kill(signal: NodeJS.Signals): void;
  close(): void;
}

/** Somebody else who has the terminal open would keep it from ending. */
const drainMs = 1000;

/** Starts a program on a pseudo-terminal of its own; `onData` gets what it prints. */
export function startOnTerminal(
  command: readonly string[],
  size: { columns: number; rows: number },
  onData: (data: Uint8Array) => void,
): TerminalProcess {
  const { promise: drained, resolve: drain } = Promise.withResolvers<void>();
  const child = Bun.spawn([...command], {
    terminal: {
      cols: size.columns,
      rows: size.rows,
      data: (_, data) => onData(new Uint8Array(data)),
      exit: () => drain(),
    },
  });
  const terminal = child.terminal!;
  return {
    pid: child.pid,
    // What it printed last may come after its end.
    exited: child.exited.then((code) => Promise.race([drained, Bun.sleep(drainMs)]).then(() => code)),
    write: (data) => void terminal.write(data),
    resize: (columns, rows) => terminal.resize(columns, rows),
    kill: (signal) => child.kill(signal),
    close: () => terminal.close(),
  };
}
