import { IsleError, isErrno, messageOf } from "../base/error.ts";
import { ConnectError, ResponseError } from "../client/errors.ts";

/** What the user reads for anything thrown. */
export function errorText(error: unknown): string {
  if (error instanceof ResponseError) return `Error response from daemon: ${error.message}`;
  if (error instanceof ConnectError) return error.message;
  if (isErrno(error, ...fileErrors)) return fileErrorText(messageOf(error));
  return error instanceof IsleError && error.hint ? `${error.message}: ${error.hint}` : messageOf(error);
}

const fileErrors = ["ENOENT", "EACCES", "EISDIR", "ENOTDIR", "EEXIST", "EPERM", "ENOSPC", "EROFS"];

/** `ENOENT: no such file or directory, open '/x'` as `open /x: no such file or directory`. */
function fileErrorText(message: string): string {
  const match = /^E[A-Z]+: (.*), (\w+)(?: '(.*)')?/.exec(message);
  if (!match) return message;
  const [, reason, call, path] = match;
  return path === undefined ? `${call}: ${reason}` : `${call === "stat" ? "open" : call} ${path}: ${reason}`;
}
