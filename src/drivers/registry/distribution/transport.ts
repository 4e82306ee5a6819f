import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import type { Readable } from "node:stream";
import { IsleError, messageOf } from "../../../base/error.ts";
import { certificatesFor } from "./certificates.ts";
import type { DistributionOptions } from "./options.ts";

/** One request on the wire. Redirects are followed for GET and HEAD only. */
export interface WireRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | (() => Readable);
  /** Allows an unverified certificate, and http behind a redirect. */
  readonly insecure: boolean;
  readonly signal?: AbortSignal | undefined;
}

export type WireResponse = IncomingMessage & { statusCode: number };

/** The connection failed before an answer came; worth another try or another endpoint. */
export class ConnectionError extends IsleError {
  readonly reason: string;

  constructor(request: WireRequest, cause: unknown) {
    const { origin, pathname } = new URL(request.url);
    super("unavailable", `${request.method} "${origin}${pathname}": ${messageOf(cause)}`, { cause });
    this.reason = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  }
}

const maxRedirects = 5;

/** HTTP with kept-alive connections, one pool for each host and trust. */
export class Transport {
  readonly #options: DistributionOptions;
  readonly #agents = new Map<string, http.Agent>();

  constructor(options: DistributionOptions) {
    this.#options = options;
  }

  /** Sends and returns the answer, whatever its status; the caller reads or destroys its body. */
  async send(request: WireRequest): Promise<WireResponse> {
    let next = request;
    for (let hops = 0; hops <= maxRedirects; hops++) {
      const response = await this.#sendOnce(next);
      const location = response.headers.location;
      const follows = request.method === "GET" || request.method === "HEAD";
      if (!follows || !location || ![301, 302, 303, 307, 308].includes(response.statusCode)) return response;
      response.destroy();
      next = redirected(next, location);
    }
    throw new IsleError("unavailable", `${new URL(request.url).host} redirected more than ${maxRedirects} times`);
  }

  #sendOnce(request: WireRequest): Promise<WireResponse> {
    request.signal?.throwIfAborted();
    const url = new URL(request.url);
    const idleTimeoutMs = this.#options.idleTimeoutMs ?? 60_000;
    return new Promise((resolve, reject) => {
      const outgoing = (url.protocol === "https:" ? https : http).request(url, {
        method: request.method,
        headers: { "User-Agent": this.#options.userAgent ?? "isle", ...request.headers },
        agent: this.#agentFor(url, request.insecure),
        ...(request.signal && { signal: request.signal }),
      });
      outgoing.setTimeout(idleTimeoutMs, () => outgoing.destroy(new Error("nothing came for too long")));
      outgoing.once("response", (response) => {
        // A reader that is gone, as after a cancelled pull, hears of no broken connection.
        response.on("error", () => {});
        resolve(response as WireResponse);
      });
      outgoing.on("error", (error) => reject(this.#asError(request, error)));
      sendBody(outgoing, request.body);
    });
  }

  #asError(request: WireRequest, error: unknown): unknown {
    return request.signal?.aborted ? request.signal.reason : new ConnectionError(request, error);
  }

  #agentFor(url: URL, insecure: boolean): http.Agent {
    const key = `${url.protocol}//${url.host} ${insecure}`;
    const known = this.#agents.get(key);
    if (known) return known;
    const agent =
      url.protocol === "http:"
        ? new http.Agent({ keepAlive: true })
        : new https.Agent({
            keepAlive: true,
            ...certificatesFor(url.host, this.#options.certsDirs),
            rejectUnauthorized: !insecure,
          });
    this.#agents.set(key, agent);
    return agent;
  }

  /** Ends kept connections. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }
}

function sendBody(outgoing: http.ClientRequest, body: WireRequest["body"]): void {
  if (typeof body !== "function") {
    outgoing.end(body);
    return;
  }
  const source = body();
  source.once("error", (error) => outgoing.destroy(error));
  outgoing.once("close", () => source.destroy());
  source.pipe(outgoing);
}

/** The request a redirect asks for; credentials stay with the host they were meant for. */
function redirected(request: WireRequest, location: string): WireRequest {
  const from = new URL(request.url);
  if (!URL.canParse(location, from.href))
    throw new IsleError("unavailable", `${from.host} redirected to a malformed URL`);
  const to = new URL(location, from);
  if (to.protocol !== "https:" && !(to.protocol === "http:" && request.insecure)) {
    throw new IsleError("unavailable", `${from.host} redirected to ${to.protocol}//${to.host}, which is not secure`);
  }
  const headers = Object.entries(request.headers ?? {}).filter(
    ([name]) => to.origin === from.origin || name !== "Authorization",
  );
  return {
    ...request,
    url: to.href,
    headers: Object.fromEntries(headers),
    insecure: (request.insecure && to.host === from.host) || to.protocol === "http:",
  };
}
