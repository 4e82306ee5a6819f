import { setTimeout as sleep } from "node:timers/promises";
import { IsleError } from "../../../base/error.ts";
import type { Credentials } from "../../../core/registry.ts";
import { answerError } from "./answer-error.ts";
import { Authenticator } from "./authenticator.ts";
import { type Endpoint, ownEndpoints, pullEndpoints } from "./endpoints.ts";
import type { DistributionOptions } from "./options.ts";
import { ConnectionError, type Transport, type WireRequest, type WireResponse } from "./transport.ts";

/** A request to a registry, wherever it is served. */
export interface RegistryRequest {
  readonly method: WireRequest["method"];
  /** Path below the endpoint's base, or an absolute URL that the registry gave. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: WireRequest["body"];
  readonly scopes: readonly string[];
  /** Statuses that count as success; others become errors. */
  readonly ok: readonly number[];
  /** May be answered by a mirror. */
  readonly mirrors?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface RegistryAnswer {
  readonly response: WireResponse;
  readonly endpoint: Endpoint;
}

export interface SessionOptions {
  readonly transport: Transport;
  readonly options: DistributionOptions;
  readonly domain: string;
  readonly credentials: Credentials | undefined;
  readonly offline?: boolean;
}

/** A registry answered that it cannot serve now. */
class BusyError extends IsleError {
  readonly afterMs: number;
  constructor(error: IsleError, afterMs: number) {
    super(error.code, error.message, { cause: error });
    this.afterMs = afterMs;
  }
}

const longestWaitMs = 30_000;

/** Talks to one registry for one user: picks the endpoint, authenticates, tries again when that may help. */
export class RegistrySession {
  readonly #context: SessionOptions;
  readonly #authenticators = new Map<string, Authenticator>();
  readonly #dead = new Set<string>();

  constructor(context: SessionOptions) {
    this.#context = context;
  }

  /** Sends to the first endpoint that serves it. Passing failures are tried again; a `body` must be repeatable. */
  async send(request: RegistryRequest): Promise<RegistryAnswer> {
    const { maxAttempts = 5, retryDelayMs = 500 } = this.#context.options;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#tryEndpoints(request);
      } catch (error) {
        if (attempt >= maxAttempts || !mayPass(error)) throw error;
        const afterMs = error instanceof BusyError ? error.afterMs : 0;
        const delayMs = Math.min(longestWaitMs, Math.max(afterMs, retryDelayMs * 2 ** (attempt - 1)));
        await sleep(delayMs, undefined, request.signal ? { signal: request.signal } : {});
      }
    }
  }

  async #tryEndpoints(request: RegistryRequest): Promise<RegistryAnswer> {
    const { domain, options } = this.#context;
    const all = request.mirrors ? pullEndpoints(domain, options) : ownEndpoints(domain, options);
    const endpoints = all.filter(({ base }) => !this.#dead.has(base));
    for (const [index, endpoint] of endpoints.entries()) {
      try {
        return { response: await this.sendAt(endpoint, request), endpoint };
      } catch (error) {
        if (request.signal?.aborted || !this.#movesOn(endpoint, error) || index === endpoints.length - 1) throw error;
        if (error instanceof ConnectionError) this.#dead.add(endpoint.base);
      }
    }
    throw new IsleError("unavailable", `no endpoint of ${domain} answers`);
  }

  #movesOn = (endpoint: Endpoint, error: unknown): boolean =>
    endpoint.mirror || (error instanceof ConnectionError && endpoint.insecure && endpoint.base.startsWith("https:"));

  /** Sends to one endpoint, once, answering its challenge. */
  async sendAt(endpoint: Endpoint, request: RegistryRequest): Promise<WireResponse> {
    const authenticator = this.authenticatorOf(endpoint);
    for (let asked = 0; ; asked++) {
      const wire = wireRequest(endpoint, request, authenticator);
      const response = await this.#context.transport.send(wire);
      if (request.ok.includes(response.statusCode)) return response;
      const challenge = response.headers["www-authenticate"];
      if (response.statusCode === 401 && asked === 0) {
        response.resume();
        const tried = wire.headers?.["Authorization"] !== undefined;
        if (await authenticator.answer(challenge, { ...request, tried })) continue;
        throw new IsleError("unauthorized", "unauthorized: authentication required");
      }
      throw await failure(response, `${request.method} ${request.path.replace(/\?.*/, "")}`);
    }
  }

  authenticatorOf(endpoint: Endpoint): Authenticator {
    const known = this.#authenticators.get(endpoint.base);
    if (known) return known;
    const made = new Authenticator({ ...this.#context, endpoint });
    this.#authenticators.set(endpoint.base, made);
    return made;
  }
}

function wireRequest(endpoint: Endpoint, request: RegistryRequest, authenticator: Authenticator): WireRequest {
  const url = new URL(request.path.startsWith("/") ? `${endpoint.base}${request.path}` : request.path);
  const authorization = url.host === endpoint.host ? authenticator.header(request.scopes) : {};
  return {
    method: request.method,
    url: url.href,
    headers: { ...request.headers, ...authorization },
    insecure: endpoint.insecure,
    signal: request.signal,
    ...(request.body && { body: request.body }),
  };
}

async function failure(response: WireResponse, what: string): Promise<IsleError> {
  const retryAfter = response.headers["retry-after"];
  const error = await answerError(response, what);
  if (![429, 500, 502, 503, 504].includes(response.statusCode)) return error;
  return new BusyError(error, retryAfterMs(retryAfter));
}

/** Milliseconds a Retry-After header asks for: seconds or a date. */
function retryAfterMs(header: string | undefined): number {
  if (!header) return 0;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

const passing = ["ECONNRESET", "EPIPE", "ETIMEDOUT", "EAI_AGAIN"];
const mayPass = (error: unknown): boolean =>
  error instanceof BusyError || (error instanceof ConnectionError && passing.includes(error.reason));
