import packageFile from "../../package.json" with { type: "json" };
import type { MachineFacts } from "../core/machine.ts";
import type { ProductFacts } from "../engine/system/info.ts";
import type { DaemonConfig } from "./config.ts";
import { programVersion } from "./programs.ts";
import type { Runtimes } from "./runtimes.ts";

export const version: string = packageFile.version;

/** Put in by tools/build.ts. */
declare const ISLE_COMMIT: string | undefined;
declare const ISLE_BUILD_TIME: string | undefined;

export async function productFacts(
  config: DaemonConfig,
  runtimes: Runtimes,
  facts: MachineFacts,
  id: string,
): Promise<ProductFacts> {
  const versions = Object.entries(runtimes.programs).map(async ([name, path]) => {
    return [name, { path, version: await programVersion(path) }] as const;
  });
  return {
    version,
    gitCommit: typeof ISLE_COMMIT === "string" ? ISLE_COMMIT : "source",
    buildTime: typeof ISLE_BUILD_TIME === "string" ? ISLE_BUILD_TIME : "",
    id,
    dataRoot: config.dataRoot,
    registryMirrors: config.registryMirrors,
    insecureRegistries: config.insecureRegistries,
    labels: config.labels,
    debug: config.debug,
    runtimes: Object.fromEntries(await Promise.all(versions)),
    conmonVersion: await programVersion(runtimes.conmon),
    initVersion: "",
    warnings: warningsOf(facts),
  };
}

function warningsOf(facts: MachineFacts): string[] {
  const missing = ["memory", "cpu", "pids", "cpuset"].filter((name) => !facts.controllers.has(name));
  return [
    ...missing.map((name) => `WARNING: No ${name} limit support`),
    ...(facts.swapLimit ? [] : ["WARNING: No swap limit support"]),
    ...(facts.seccomp ? [] : ["WARNING: No seccomp support"]),
    ...(facts.mayRaiseLimits ? [] : ["WARNING: Hard limits cannot be raised and oom_score_adj cannot be lowered"]),
  ];
}
