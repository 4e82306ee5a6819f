import type { RegistryClient } from "../core/registry.ts";
import { createDistributionRegistry } from "../drivers/registry/distribution/distribution-registry.ts";
import type { DaemonConfig } from "./config.ts";

export function createRegistry(config: DaemonConfig): RegistryClient {
  return createDistributionRegistry({
    mirrors: config.registryMirrors,
    insecureRegistries: config.insecureRegistries,
  });
}
