import { IsleError } from "../../../base/error.ts";
import type { Credentials } from "../../../core/registry.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { Endpoint } from "./endpoints.ts";
import { basicAuthorization, fetchToken, type Token } from "./token.ts";
import type { Transport } from "./transport.ts";

/** Answers the challenges of one registry endpoint for one user; keeps tokens until they expire. */
export class Authenticator {
  readonly #transport: Transport;
  readonly #endpoint: Endpoint;
  readonly #credentials: Credentials | undefined;
  readonly #tokens = new Map<string, Token>();
  #scheme: "none" | "basic" | "bearer" = "none";

  constructor(transport: Transport, endpoint: Endpoint, credentials: Credentials | undefined) {
    this.#transport = transport;
    this.#endpoint = endpoint;
    this.#credentials = endpoint.mirror ? undefined : credentials;
  }

  /** The Authorization header that is known to fit, before any challenge. */
  header(scopes: readonly string[]): Record<string, string> {
    if (this.#credentials?.registryToken) return { Authorization: `Bearer ${this.#credentials.registryToken}` };
    if (this.#scheme === "basic") return authorization(basicAuthorization(this.#credentials));
    const token = this.#tokens.get(scopes.join(" "));
    return this.#scheme === "bearer" && token && token.expiresAt > Date.now() ? authorization(`Bearer ${token.text}`) : {};
  }

  /**
   * Learns from a 401 how to ask again; false when nothing else can be tried. Fails when the authorization server
   * refuses the credentials.
   */
  async answer(challenge: string | undefined, scopes: readonly string[], signal?: AbortSignal): Promise<boolean> {
    if (this.#credentials?.registryToken) return false;
    const challenges = parseChallenges(challenge);
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer) return this.#getToken(bearer, scopes, signal);
    if (!challenges.some(({ scheme }) => scheme === "basic")) return false;
    if (!basicAuthorization(this.#credentials)) throw new IsleError("unauthorized", "no basic auth credentials");
    const first = this.#scheme !== "basic";
    this.#scheme = "basic";
    return first;
  }

  async #getToken({ parameters }: Challenge, scopes: readonly string[], signal?: AbortSignal): Promise<boolean> {
    const { realm, service, scope } = parameters;
    if (!realm) throw new IsleError("unavailable", `${this.#endpoint.host} asks for a token but does not say where`);
    const wanted = scopes.length > 0 ? scopes : scope ? [scope] : [];
    const token = await fetchToken(this.#transport, {
      realm,
      service,
      scopes: wanted,
      credentials: this.#credentials,
      insecure: this.#endpoint.insecure,
      signal,
    });
    this.#scheme = "bearer";
    this.#tokens.set(scopes.join(" "), token);
    return true;
  }
}

const authorization = (value: string | undefined): Record<string, string> => (value ? { Authorization: value } : {});
