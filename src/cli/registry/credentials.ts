import { parseReference } from "../../base/reference.ts";
import type { ConfigData } from "../config-file.ts";
import type { Io } from "../io.ts";

/** The key under which credentials of Docker's own registry are kept. */
export const dockerHubKey = "https://index.docker.io/v1/";

export interface Credentials {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
  readonly serveraddress: string;
}

/** The key of a registry in config.json. */
export const registryKey = (domain: string): string => (domain === "docker.io" ? dockerHubKey : domain);

/** The X-Registry-Auth header for an image's registry; undefined when nobody logged in there. */
export async function authHeader(image: string, config: ConfigData, io: Io): Promise<string | undefined> {
  const key = registryKey(parseReference(image).domain);
  const found = await findCredentials(key, config, io);
  return found === undefined ? undefined : encodeAuth(found);
}

const encodeAuth = (credentials: Credentials): string => Buffer.from(JSON.stringify(credentials)).toString("base64url");

/** Asks the credential helper of the registry, else reads config.json itself. */
export async function findCredentials(key: string, config: ConfigData, io: Io): Promise<Credentials | undefined> {
  const helper = helperOf(key, config);
  if (helper !== undefined) return askHelper(helper, key, io);
  const stored =
    config.auths?.[key] ?? Object.entries(config.auths ?? {}).find(([name]) => bareHost(name) === key)?.[1];
  if (stored === undefined) return undefined;
  const [username = "", password = ""] = splitAuth(stored.auth ?? "");
  return {
    ...(username !== "" && { username, password }),
    ...(stored.identitytoken && { identitytoken: stored.identitytoken }),
    ...(stored.registrytoken && { registrytoken: stored.registrytoken }),
    serveraddress: key,
  };
}

export const helperOf = (key: string, config: ConfigData): string | undefined =>
  config.credHelpers?.[key] ?? (config.credsStore || undefined);

const bareHost = (name: string): string => name.replace(/^https?:\/\//, "").replace(/\/.*$/, "");

function splitAuth(auth: string): string[] {
  const text = Buffer.from(auth, "base64").toString().replace(/\0+$/, "");
  const colon = text.indexOf(":");
  return colon === -1 ? [] : [text.slice(0, colon), text.slice(colon + 1)];
}

async function askHelper(helper: string, key: string, io: Io): Promise<Credentials | undefined> {
  const { exitCode, stdout } = await io.runProgram(`docker-credential-${helper}`, ["get"], key);
  if (exitCode !== 0) {
    if (/credentials not found/i.test(stdout)) return undefined;
    throw new Error(`error getting credentials - docker-credential-${helper} ended with ${exitCode}: ${stdout.trim()}`);
  }
  const { Username, Secret } = JSON.parse(stdout) as { Username: string; Secret: string };
  if (Username === "<token>") return { identitytoken: Secret, serveraddress: key };
  return { username: Username, password: Secret, serveraddress: key };
}
