import { createPackagesBootstrap } from "../drivers/bootstrap/packages/packages-bootstrap.ts";
import { createDistributionRegistry } from "../drivers/registry/distribution/distribution-registry.ts";
import { createTransfers } from "../engine/image/transfers.ts";
import type { DaemonConfig } from "./config.ts";

export function createRegistry(config: DaemonConfig) {
  return createDistributionRegistry({
    mirrors: config.registryMirrors,
    insecureRegistries: config.insecureRegistries,
  });
}

/** What pull, push and bootstrap need beside the image store. */
export function createImageSources(config: DaemonConfig) {
  return {
    transfers: createTransfers({
      maxConcurrentDownloads: config.maxConcurrentDownloads,
      maxConcurrentUploads: config.maxConcurrentUploads,
      maxDownloadAttempts: config.maxDownloadAttempts,
    }),
    baseSystems: createPackagesBootstrap(),
  };
}
