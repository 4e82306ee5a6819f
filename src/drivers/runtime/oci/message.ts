import { IsleError } from "../../../base/error.ts";

/**
 * The runtime's complaint as an error. A command that is missing or cannot be executed is the caller's fault, and the
 * words are those by which Docker's clients choose exit code 127 or 126.
 */
export function runtimeMessage(runtime: string, said: string, command?: string): IsleError {
  const text = lastMessage(said);
  const prefix = "failed to create task for container: failed to create shim task: OCI runtime create failed";
  const reason = commandProblem(text, command);
  const code = reason === undefined ? "internal" : "invalid";
  return new IsleError(code, `${prefix}: ${runtime}: ${reason ?? text}: unknown`);
}

/** The reason in Docker's words when the command itself cannot run. */
export function commandProblem(text: string, command?: string): string | undefined {
  if (/executable file .*not found|no such file or directory.*exec|open executable: No such file/i.test(text)) {
    const name = /executable file [`'"]?([^`'"]*?)[`'"]? not found/i.exec(text)?.[1] ?? command ?? "";
    return `exec: "${name}": executable file not found in $PATH`;
  }
  if (/exec.*(permission denied|is a directory)|(permission denied|is a directory).*exec/i.test(text)) {
    return `exec: "${command ?? text.split(":")[0]}": permission denied`;
  }
  if (/open executable: operation not permitted/i.test(text)) return `exec: "${command ?? ""}": permission denied`;
  if (/exec format error/i.test(text)) return `exec: "${command ?? ""}": exec format error`;
  return undefined;
}

/** Runtimes log JSON lines or plain text; the last error is the one that ended it. */
export function lastMessage(said: string): string {
  const lines = said.trim().split("\n").filter(Boolean);
  const last = lines.at(-1) ?? "no reason given";
  try {
    return String((JSON.parse(last) as { msg?: string }).msg ?? last);
  } catch {
    return last.replace(/^.*?level=error msg="?/, "").replace(/^\d{4}-\d\d-\d\dT\S+:? /, "");
  }
}
