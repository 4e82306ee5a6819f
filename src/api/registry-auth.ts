import { invalid } from "../base/error.ts";

/** Credentials as the X-Registry-Auth header and `POST /auth` carry them. */
export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly identityToken?: string;
  readonly registryToken?: string;
  readonly serverAddress?: string;
}

/**
 * Reads X-Registry-Auth: JSON in base64, in either alphabet, padded or not. An empty header is no credentials. Fails
 * with invalid, without repeating what it could not read.
 */
export function parseRegistryAuth(header: string | undefined): RegistryAuth | undefined {
  if (!header) return undefined;
  const auth = registryAuthOf(decodeJson(header, "X-Registry-Auth"));
  return Object.keys(auth).length > 0 ? auth : undefined;
}

/** Reads X-Registry-Config: credentials by registry. */
export function parseRegistryConfig(header: string | undefined): Record<string, RegistryAuth> {
  if (!header) return {};
  const value = decodeJson(header, "X-Registry-Config");
  return Object.fromEntries(Object.entries(value).map(([address, auth]) => [address, registryAuthOf(asObject(auth))]));
}

/** Credentials from the JSON object clients send. */
export function registryAuthOf(value: Readonly<Record<string, unknown>>): RegistryAuth {
  const text = (name: string): string | undefined => {
    const found = value[name];
    return typeof found === "string" && found !== "" ? found : undefined;
  };
  const fromAuth = splitAuth(text("auth"));
  const username = text("username") ?? fromAuth?.username;
  const password = text("password") ?? fromAuth?.password;
  const identityToken = text("identitytoken");
  const registryToken = text("registrytoken");
  const serverAddress = text("serveraddress");
  return {
    ...(username && { username }),
    ...(password && { password }),
    ...(identityToken && { identityToken }),
    ...(registryToken && { registryToken }),
    ...(serverAddress && { serverAddress }),
  };
}

/** The older form: user name and password joined by a colon, in base64. */
function splitAuth(auth: string | undefined): { username: string; password: string } | undefined {
  const pair = auth ? Buffer.from(auth, "base64").toString() : "";
  const colon = pair.indexOf(":");
  return colon === -1 ? undefined : { username: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

function decodeJson(header: string, name: string): Record<string, unknown> {
  try {
    // Node reads both alphabets here, and does not ask for padding.
    return asObject(JSON.parse(Buffer.from(header, "base64").toString()));
  } catch {
    throw invalid(`invalid ${name} header: want a JSON object in base64url`);
  }
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  if (value === null) return {};
  throw invalid("want a JSON object");
}
