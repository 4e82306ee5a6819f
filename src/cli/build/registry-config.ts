import { parseReference } from "../../base/reference.ts";
import type { ConfigFile } from "../config-file.ts";
import type { Io } from "../io.ts";
import { type Credentials, findCredentials, helperOf, registryKey } from "../registry/credentials.ts";

/**
 * The header with the credentials that a build may need: those that config.json itself holds, and those of the registries of
 * `names`, for which a helper is asked. Asking helpers for all would take longer than a cached build.
 */
export async function registryConfigHeader(
  { data }: ConfigFile,
  io: Io,
  names: readonly string[],
): Promise<Record<string, string>> {
  const written = Object.keys(data.auths ?? {}).filter((key) => helperOf(key, data) === undefined);
  const needed = names.flatMap((name) => registryKeyOf(name) ?? []);
  const found: Record<string, Credentials> = {};
  for (const key of new Set([...written, ...needed])) {
    const credentials = await findCredentials(key, data, io);
    if (credentials) found[key] = credentials;
  }
  if (Object.keys(found).length === 0) return {};
  return { "X-Registry-Config": Buffer.from(JSON.stringify(found)).toString("base64") };
}

/** Undefined for what is no name: the engine says so. */
function registryKeyOf(name: string): string | undefined {
  try {
    return registryKey(parseReference(name).domain);
  } catch {
    return undefined;
  }
}
