import { type ErrorCode, IsleError, isErrno, messageOf } from "../base/error.ts";

const codes: Record<number, ErrorCode> = {
  304: "notModified",
  400: "invalid",
  401: "unauthorized",
  403: "forbidden",
  404: "notFound",
  409: "conflict",
  501: "unsupported",
  503: "unavailable",
  507: "noSpace",
};

/** The daemon refused: `message` is its own text, `status` the HTTP status. */
export class ResponseError extends IsleError {
  readonly status: number;

  constructor(status: number, message: string) {
    super(codes[status] ?? (status < 500 ? "invalid" : "internal"), message);
    this.status = status;
  }
}

/** No daemon answers at `host`. */
export class ConnectError extends IsleError {
  constructor(host: string, cause: unknown) {
    super("unavailable", connectText(host, cause), { cause });
  }
}

function connectText(host: string, cause: unknown): string {
  if (isErrno(cause, "EACCES", "EPERM"))
    return `permission denied while trying to connect to the isle daemon at ${host}`;
  const nobodyListens = isErrno(cause, "ENOENT", "ECONNREFUSED");
  const reason = nobodyListens ? "" : `: ${messageOf(cause)}`;
  return `Cannot connect to the isle daemon at ${host}. Is the isle daemon running?${reason}`;
}

/** The daemon closed the connection before it answered. */
export class ClosedError extends IsleError {
  constructor() {
    super("unavailable", "the daemon closed the connection");
  }
}

/** The text of a refusal: `message` of the JSON body, else the body, else the status. */
export function refusal(status: number, body: string): ResponseError {
  try {
    const parsed = JSON.parse(body) as { message?: unknown };
    if (typeof parsed.message === "string") return new ResponseError(status, parsed.message);
  } catch {
    // not JSON: a proxy or an old daemon answers plain text
  }
  return new ResponseError(status, body.trim() || `the daemon answered with status ${status}`);
}
