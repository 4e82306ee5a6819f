import { join } from "node:path";
import { createPackagesBootstrap } from "../drivers/bootstrap/packages/packages-bootstrap.ts";
import { createGitProgram } from "../drivers/git/program/git-program.ts";
import { createDistributionRegistry } from "../drivers/registry/distribution/distribution-registry.ts";
import { BuildJournal } from "../engine/build/history/journal.ts";
import { KeptContexts } from "../engine/build/kept-contexts.ts";
import { createTransfers } from "../engine/image/transfers.ts";
import type { Builtins } from "./builtins.ts";
import type { DaemonConfig } from "./config.ts";

export function createRegistry(config: DaemonConfig) {
  return createDistributionRegistry({
    mirrors: config.registryMirrors,
    insecureRegistries: config.insecureRegistries,
  });
}

/** What pull, push, build and bootstrap need beside the image store. */
export function createImageSources(config: DaemonConfig, { deps, buildHistory }: Builtins) {
  const { machine } = deps;
  return {
    transfers: createTransfers({
      maxConcurrentDownloads: config.maxConcurrentDownloads,
      maxConcurrentUploads: config.maxConcurrentUploads,
      maxDownloadAttempts: config.maxDownloadAttempts,
    }),
    contexts: new KeptContexts(),
    git: createGitProgram({ knownHostsFile: config.sshKnownHosts }),
    journal: new BuildJournal({ history: buildHistory, machine, directory: join(config.dataRoot, "build-history") }),
    baseSystems: createPackagesBootstrap(),
  };
}
