import { IsleError, isCode } from "../../base/error.ts";
import type { Credentials, RegistryClient } from "../../core/registry.ts";

/** Address that Docker's clients send for docker.io. */
const dockerHub = /^(?:https?:\/\/)?(?:index\.docker\.io|registry-1\.docker\.io|docker\.io)(?:\/.*)?$/;

/** Checks credentials against a registry. Fails with unauthorized when it refuses them. */
export async function logIn(
  { registry }: { readonly registry: RegistryClient },
  request: { readonly serverAddress: string; readonly credentials: Credentials; readonly signal?: AbortSignal },
): Promise<{ identityToken: string }> {
  const domain = registryDomain(request.serverAddress);
  try {
    const { identityToken = "" } = await registry.login(domain, request.credentials, request.signal);
    return { identityToken };
  } catch (cause) {
    if (!isCode(cause, "unauthorized")) throw cause;
    throw new IsleError("unauthorized", `login attempt to ${domain} failed: incorrect username or password`, { cause });
  }
}

/** The host of a server address as clients write it, with or without a scheme and path. */
export function registryDomain(address: string): string {
  if (address === "" || dockerHub.test(address)) return "docker.io";
  return address.replace(/^https?:\/\//, "").replace(/\/.*$/, "");
}
