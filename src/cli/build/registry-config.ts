import type { ConfigFile } from "../config-file.ts";
import type { Io } from "../io.ts";
import { type Credentials, findCredentials, helperOf } from "../registry/credentials.ts";

/** The header with the credentials of every registry that the user logged in to. */
export async function registryConfigHeader(config: ConfigFile["data"], io: Io): Promise<Record<string, string>> {
  const keys = new Set([...Object.keys(config.auths ?? {}), ...Object.keys(config.credHelpers ?? {})]);
  const found: Record<string, Credentials> = {};
  for (const key of keys) {
    const credentials = await findCredentials(key, config, io).catch((error: unknown) => {
      // A helper that does not work matters only to builds that need its registry; those are refused there.
      if (helperOf(key, config) !== undefined) return undefined;
      throw error;
    });
    if (credentials) found[key] = credentials;
  }
  if (Object.keys(found).length === 0) return {};
  return { "X-Registry-Config": Buffer.from(JSON.stringify(found)).toString("base64") };
}
