import { IsleError } from "../../../base/error.ts";
import type { Credentials } from "../../../core/registry.ts";
import { answerError } from "./answer-error.ts";
import { readJsonObject } from "./body.ts";
import type { Transport, WireRequest } from "./transport.ts";

export interface TokenRequest {
  readonly realm: string;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
  readonly credentials: Credentials | undefined;
  /** Asks for an identity token that stands for the password from now on. */
  readonly offline?: boolean;
  /** The realm may be asked over http. */
  readonly insecure: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Token {
  readonly text: string;
  readonly identityToken: string | undefined;
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Gets a bearer token from an authorization server, as the distribution token specification describes. */
export async function fetchToken(transport: Transport, request: TokenRequest): Promise<Token> {
  const wire = request.credentials?.identityToken ? refreshRequest(request) : basicRequest(request);
  const { protocol, host } = new URL(wire.url);
  if (protocol !== "https:" && !(protocol === "http:" && request.insecure)) {
    throw new IsleError("unavailable", `the registry names ${protocol}//${host} for its tokens, which is not secure`);
  }
  const response = await transport.send({ ...wire, signal: request.signal });
  if (response.statusCode !== 200) throw await answerError(response, `token from ${host}`);
  const body = await readJsonObject(response, 1 << 20, `token from ${host}`);
  const text = body?.["token"] ?? body?.["access_token"];
  if (typeof text !== "string" || !/^[\x21-\x7e]+$/.test(text)) {
    throw new IsleError("unavailable", `authorization server ${host} did not include a token in its response`);
  }
  const seconds = Math.max(60, Number(body?.["expires_in"] ?? 60) || 60);
  const identityToken = body?.["refresh_token"];
  return {
    text,
    identityToken: typeof identityToken === "string" ? identityToken : undefined,
    expiresAt: Date.now() + (seconds - 10) * 1000,
  };
}

function basicRequest({ realm, service, scopes, credentials, offline, insecure }: TokenRequest): WireRequest {
  const url = realmUrl(realm);
  if (service) url.searchParams.set("service", service);
  for (const scope of scopes) url.searchParams.append("scope", scope);
  if (offline) {
    url.searchParams.set("offline_token", "true");
    url.searchParams.set("client_id", "isle");
  }
  if (credentials?.username) url.searchParams.set("account", credentials.username);
  const authorization = basicAuthorization(credentials);
  return { method: "GET", url: url.href, insecure, headers: authorization ? { Authorization: authorization } : {} };
}

function refreshRequest({ realm, service, scopes, credentials, insecure }: TokenRequest): WireRequest {
  const form = new URLSearchParams({
    grant_type: "refresh_token",
    client_id: "isle",
    service: service ?? "",
    refresh_token: credentials!.identityToken!,
  });
  if (scopes.length > 0) form.set("scope", scopes.join(" "));
  return {
    method: "POST",
    url: realmUrl(realm).href,
    insecure,
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: Buffer.from(form.toString()),
  };
}

function realmUrl(realm: string): URL {
  if (URL.canParse(realm)) return new URL(realm);
  throw new IsleError("unavailable", "the registry names a malformed URL for its tokens");
}

/** The Authorization header of a user name and password. */
export function basicAuthorization(credentials: Credentials | undefined): string | undefined {
  if (!credentials?.username && !credentials?.password) return undefined;
  const pair = `${credentials.username ?? ""}:${credentials.password ?? ""}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}
