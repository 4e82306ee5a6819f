import { IsleError, messageOf } from "../base/error.ts";
import { ConnectError, ResponseError } from "../client/errors.ts";

/** What the user reads for anything thrown. */
export function errorText(error: unknown): string {
  if (error instanceof ResponseError) return `Error response from daemon: ${error.message}`;
  if (error instanceof ConnectError) return error.message;
  return error instanceof IsleError && error.hint ? `${error.message}: ${error.hint}` : messageOf(error);
}
