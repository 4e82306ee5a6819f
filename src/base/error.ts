/**
 * The one error type. `code` is closed: it is mapped to an HTTP status in server/error-map.ts
 * and to an exit code in cli/exit-code.ts, nowhere else.
 */
export type ErrorCode =
  | "invalid" // the request can never succeed as written
  | "unauthorized"
  | "forbidden"
  | "notFound"
  | "notModified" // the asked-for state holds already
  | "conflict" // it clashes with the present state
  | "unsupported" // understood, but this engine or machine cannot do it
  | "unavailable" // a part that is needed does not answer
  | "noSpace"
  | "cancelled"
  | "dataLoss" // stored data does not match its digest
  | "internal";

export class IsleError extends Error {
  readonly code: ErrorCode;
  /** What the user can do next; shown after the message. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string | undefined; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "IsleError";
    this.code = code;
    this.hint = options.hint;
  }
}

type Options = { hint?: string; cause?: unknown };
export const invalid = (message: string, options?: Options): IsleError => new IsleError("invalid", message, options);
export const notFound = (message: string, options?: Options): IsleError => new IsleError("notFound", message, options);
export const conflict = (message: string, options?: Options): IsleError => new IsleError("conflict", message, options);
export const unsupported = (message: string, options?: Options): IsleError =>
  new IsleError("unsupported", message, options);

/** The text of anything thrown, without a stack. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

export function isCode(thrown: unknown, code: ErrorCode): boolean {
  return thrown instanceof IsleError && thrown.code === code;
}

/** True for a Node system error such as ENOENT. */
export function isErrno(thrown: unknown, ...codes: string[]): boolean {
  return thrown instanceof Error && "code" in thrown && codes.includes(String(thrown.code));
}
