import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, type Readable, Transform, Writable } from "node:stream";
import { isErrno } from "../../../base/error.ts";
import { newId } from "../../../base/id.ts";
import type { OciProcess } from "../../../core/oci-spec.ts";
import type { ExecOptions, ExecResult, ExecSession } from "../../../core/runtime.ts";
import { spawnError, start, startOnTerminal } from "../../../os/process.ts";
import { resizeTerminalOf } from "../../../os/terminal.ts";
import { commandProblem, lastMessage } from "./message.ts";
import type { OciRuntimeOptions } from "./options.ts";

/**
 * Runs a command in a running instance. The runtime itself is the session's parent, so there is one process less than
 * with a supervisor; a session ends with the daemon, as its client's connection does.
 */
export function execIn(runtime: OciRuntimeOptions, id: string, process: OciProcess, options: ExecOptions): ExecSession {
  const files = sessionFiles(runtime.execDir);
  writeFileSync(files.process, JSON.stringify(withSize(process, options)), { mode: 0o600 });
  const args = [
    ...["--root", runtime.stateRoot, ...(runtime.globalArgs ?? []), "--log", files.log, "--log-format", "json"],
    ...["exec", "--process", files.process, "--pid-file", files.pid, id],
  ];
  return options.terminal ? terminalSession(runtime, args, files, options) : pipeSession(runtime, args, files, options);
}

const usualSize = { columns: 80, rows: 24 };

/** Where the runtime heeds it, the command sees the size from its first instant, not once the outer one's is passed on. */
function withSize(process: OciProcess, { terminal, size = usualSize }: ExecOptions): OciProcess {
  return terminal ? { ...process, consoleSize: { height: size.rows, width: size.columns } } : process;
}

interface SessionFiles {
  readonly process: string;
  readonly pid: string;
  readonly log: string;
}

function sessionFiles(directory: string): SessionFiles {
  const base = join(directory, newId().slice(0, 16));
  return { process: `${base}.json`, pid: `${base}.pid`, log: `${base}.log` };
}

function pipeSession(
  runtime: OciRuntimeOptions,
  args: string[],
  files: SessionFiles,
  options: ExecOptions,
): ExecSession {
  const output = options.attached ? "pipe" : "ignore";
  const child = start(runtime.program, args, {
    stdio: [options.stdin ? "pipe" : "ignore", output, output],
    // A detached command must not get the signals of the daemon's terminal.
    detached: true,
  });
  child.stdin?.on("error", () => {});
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", (error) => reject(spawnError(runtime.program, error)));
    child.once("exit", (code, signal) => resolve(code ?? (signal ? 137 : 255)));
  });
  const result = ended.then((code) => finish(files, code));
  return {
    stdin: child.stdin ?? undefined,
    stdout: child.stdout ?? undefined,
    stderr: child.stderr ? withoutComplaint(child.stderr, result) : undefined,
    ended: result,
    pid: () => pidIn(files),
    resize: () => {},
    kill: (signal) => killCommand(files, signal, () => child.kill(signal)),
  };
}

/** The runtime says why a command cannot run on the command's own stderr too; the result has it, so it goes there once. */
function withoutComplaint(stderr: Readable, result: Promise<ExecResult>): Readable {
  let held: Buffer | undefined;
  const filter = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (held) this.push(held);
      held = undefined;
      if (complaint.test(chunk.toString())) held = chunk;
      else this.push(chunk);
      done();
    },
    flush(done) {
      const end = ({ error }: Partial<ExecResult>) => {
        if (held && error === undefined) this.push(held);
        done();
      };
      result.then(end, () => end({}));
    },
  });
  return stderr.pipe(filter);
}

const complaint = /^(executable file `[^\n]*` not found in \$PATH|chdir `[^\n]*`): [^\n]*\n$/;

function terminalSession(
  runtime: OciRuntimeOptions,
  args: string[],
  files: SessionFiles,
  options: ExecOptions,
): ExecSession {
  const stdout = new PassThrough();
  const child = startOnTerminal(
    [runtime.program, ...args],
    options.size ?? usualSize,
    (data) => void stdout.write(data),
  );
  const stdin = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      child.write(chunk);
      done();
    },
  });
  return {
    stdin: options.stdin ? stdin : undefined,
    stdout,
    stderr: undefined,
    ended: child.exited.then((code) => {
      stdout.end(unreadOutput(files));
      child.close();
      return finish(files, code);
    }),
    pid: () => pidIn(files),
    resize: (to) => {
      child.resize(to.columns, to.rows);
      // Runtimes do not all pass on the change.
      resizeTerminalOf(pidIn(files), to);
    },
    kill: (signal) => killCommand(files, signal, () => child.kill(signal)),
  };
}

const pieceBytes = 255;

/**
 * What a command had printed last when it ended: crun reads it only then, takes it for complaints and logs them as they
 * are, a piece each with a line's end after it. A runtime's own complaints are objects in JSON.
 */
function unreadOutput(files: SessionFiles): Buffer {
  // Every byte a character, since a piece ends anywhere.
  const said = readOrEmpty(files.log, "latin1");
  if (said === "" || isComplaint(said)) return Buffer.alloc(0);
  rmSync(files.log, { force: true });
  const whole = said.slice(0, -1);
  const pieces = Array.from({ length: Math.ceil(whole.length / (pieceBytes + 1)) }, (_, index) => {
    const start = index * (pieceBytes + 1);
    return whole.slice(start, start + pieceBytes);
  });
  return Buffer.from(pieces.join(""), "latin1");
}

function isComplaint(said: string): boolean {
  try {
    return "level" in JSON.parse(said.split("\n")[0]!);
  } catch {
    return false;
  }
}

/** Signals the command itself: it would outlive the runtime, which waits for it and ends with it. */
function killCommand(files: SessionFiles, signal: NodeJS.Signals, killRuntime: () => void): void {
  const pid = pidIn(files);
  if (pid === 0) {
    killRuntime();
    return;
  }
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isErrno(error, "ESRCH")) throw error;
  }
}

/** The exit code; the runtime's own log tells a command that ended from one that never ran. */
function finish(files: SessionFiles, exitCode: number): ExecResult {
  const said = readOrEmpty(files.log);
  for (const path of Object.values(files)) rmSync(path, { force: true });
  if (said === "" || exitCode === 0) return { exitCode };
  const text = lastMessage(said);
  const problem = commandProblem(text);
  const error = `OCI runtime exec failed: exec failed: ${problem ?? text}: unknown`;
  if (problem === undefined) return { exitCode: /no such file or directory/i.test(text) ? 127 : 126, error };
  return { exitCode: problem.includes("not found") ? 127 : 126, error };
}

function pidIn(files: SessionFiles): number {
  return Number(readOrEmpty(files.pid)) || 0;
}

function readOrEmpty(path: string, encoding: "utf8" | "latin1" = "utf8"): string {
  try {
    return readFileSync(path, encoding);
  } catch {
    return "";
  }
}
