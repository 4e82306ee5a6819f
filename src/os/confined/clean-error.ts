import { type ErrorCode, IsleError, isErrno, messageOf } from "../../base/error.ts";

/** System errors that an archive or a path in a request can cause; the rest are ours. */
const inputErrors = ["EEXIST", "EINVAL", "EISDIR", "ELOOP", "EMLINK", "ENAMETOOLONG", "ENOTDIR", "ENOENT", "ENXIO"];

/** What goes back to the daemon for anything thrown in the child. */
export function cleanError(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof IsleError) return { code: error.code, message: error.message };
  if (isErrno(error, "ENOSPC", "EDQUOT")) return { code: "noSpace", message: `no space left: ${messageOf(error)}` };
  if (isErrno(error, "EROFS")) return { code: "forbidden", message: messageOf(error) };
  return { code: isErrno(error, ...inputErrors) ? "invalid" : "internal", message: messageOf(error) };
}
