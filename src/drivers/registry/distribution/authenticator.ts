import { IsleError } from "../../../base/error.ts";
import type { Credentials } from "../../../core/registry.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { type Endpoint, isInsecure } from "./endpoints.ts";
import type { DistributionOptions } from "./options.ts";
import { basicAuthorization, fetchToken, type Token } from "./token.ts";
import type { Transport } from "./transport.ts";

export interface AuthenticatorOptions {
  readonly transport: Transport;
  readonly endpoint: Endpoint;
  readonly credentials: Credentials | undefined;
  readonly options: DistributionOptions;
  /** Asks for an identity token along with the access token. */
  readonly offline?: boolean;
}

/** A request that was answered with 401. */
export interface Refused {
  readonly scopes: readonly string[];
  readonly signal?: AbortSignal | undefined;
  readonly tried: boolean;
}

/** Answers the challenges of one registry endpoint for one user; keeps tokens until they expire. */
export class Authenticator {
  readonly #transport: Transport;
  readonly #endpoint: Endpoint;
  readonly #credentials: Credentials | undefined;
  readonly #options: DistributionOptions;
  readonly #tokens = new Map<string, Token>();
  readonly #offline: boolean;
  /** What the authorization server gave for later use instead of the password. */
  identityToken: string | undefined;
  #scheme: "none" | "basic" | "bearer" = "none";

  constructor({ transport, endpoint, credentials, options, offline = false }: AuthenticatorOptions) {
    this.#transport = transport;
    this.#endpoint = endpoint;
    this.#options = options;
    this.#offline = offline;
    this.#credentials = endpoint.mirror ? undefined : credentials;
  }

  /** The Authorization header that is known to fit, before any challenge. */
  header(scopes: readonly string[]): Record<string, string> {
    if (this.#credentials?.registryToken) return { Authorization: `Bearer ${this.#credentials.registryToken}` };
    if (this.#scheme === "basic") return authorization(basicAuthorization(this.#credentials));
    const token = this.#tokens.get(scopes.join(" "));
    return this.#scheme === "bearer" && token && token.expiresAt > Date.now()
      ? authorization(`Bearer ${token.text}`)
      : {};
  }

  /**
   * Learns from a 401 how to ask again; false when nothing else can be tried. `tried` says whether the request that was
   * refused had credentials: another one beside it may have learned meanwhile. Fails when the authorization server refuses
   * the credentials.
   */
  async answer(challenge: string | undefined, { scopes, signal, tried }: Refused): Promise<boolean> {
    if (this.#credentials?.registryToken) return false;
    const challenges = parseChallenges(challenge);
    const bearer = challenges.find(({ scheme }) => scheme === "bearer");
    if (bearer) return this.#getToken(bearer, scopes, signal);
    if (!challenges.some(({ scheme }) => scheme === "basic")) return false;
    if (!basicAuthorization(this.#credentials)) throw new IsleError("unauthorized", "no basic auth credentials");
    this.#scheme = "basic";
    return !tried;
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
      // An insecure registry may not lead credentials to some other host in the clear.
      insecure: this.#endpoint.insecure && URL.canParse(realm) && isInsecure(new URL(realm).host, this.#options),
      offline: this.#offline,
      signal,
    });
    this.#scheme = "bearer";
    this.#tokens.set(scopes.join(" "), token);
    this.identityToken = token.identityToken;
    return true;
  }
}

const authorization = (value: string | undefined): Record<string, string> => (value ? { Authorization: value } : {});
