import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { Query } from "./query.ts";

/** One request on its way through: what was asked, and the ways to answer it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Decoded `{name}` parts of the route's path. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  /** Such as 1.51: from the path, else the newest. Compare with `atLeast`. */
  readonly apiVersion: string;
  /** Aborted when the client hangs up before the answer ended, and when the handler is done. */
  readonly signal: AbortSignal;
  /** The bare connection of a request that asked for an upgrade. */
  readonly upgradeSocket: Duplex | undefined;
  /** The body as JSON; invalid when it is not, or larger than 4 MiB. An empty body is undefined. */
  readJson(): Promise<unknown>;
  /**
   * Takes the connection over for a raw two-way stream: answers 101 where the client asked for an upgrade, else 200.
   * The stream's readable side ends when the client half-closes.
   */
  hijack(contentType: string): Promise<Duplex>;
}

/** What a handler answers; `sent` when it wrote the response itself. */
export type Reply =
  | { readonly status: number; readonly json?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | Sent;

interface Sent {
  readonly status: "sent";
}
export const sent: Sent = { status: "sent" };

export interface Route<Deps> {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Such as `/containers/{id}/json`; `{name:rest}` matches across slashes. */
  readonly path: string;
  handle(exchange: Exchange, deps: Deps): Promise<Reply> | Reply;
}

export const json = (status: number, body: unknown): Reply => ({ status, json: body });
export const empty = (status: number): Reply => ({ status });

/** True when the client speaks at least this API version. */
export function atLeast(exchange: Exchange, version: string): boolean {
  const [major, minor] = exchange.apiVersion.split(".").map(Number);
  const [wantMajor, wantMinor] = version.split(".").map(Number);
  return major! > wantMajor! || (major === wantMajor && minor! >= wantMinor!);
}
