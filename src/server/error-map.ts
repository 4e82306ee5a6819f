import { type ErrorCode, IsleError, isErrno, messageOf } from "../base/error.ts";

const statuses: Record<ErrorCode, number> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  notModified: 304,
  conflict: 409,
  unsupported: 501,
  unavailable: 503,
  noSpace: 500,
  cancelled: 499,
  dataLoss: 500,
  internal: 500,
};

/** The HTTP status and the text a client reads for anything thrown. The only place that decides it. */
export function errorReply(thrown: unknown): { status: number; message: string } {
  if (thrown instanceof IsleError) {
    const message = thrown.hint ? `${thrown.message}: ${thrown.hint}` : thrown.message;
    return { status: statuses[thrown.code], message };
  }
  if (isErrno(thrown, "ENOSPC", "EDQUOT")) return { status: 500, message: `no space left: ${messageOf(thrown)}` };
  return { status: 500, message: messageOf(thrown) };
}
