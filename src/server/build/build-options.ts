import type { HostConfig } from "../../api/generated/engine-api.ts";
import { invalid, unsupported } from "../../base/error.ts";
import type { BuildOutput } from "../../engine/build/outputs/output.ts";
import { isRemote } from "../../engine/build/remote-context.ts";
import type { Query } from "../query.ts";

/** Refuses by name what a build cannot do, before anything is read. */
export function refuseUnsupported(query: Query, outputs: readonly BuildOutput[]): void {
  const remote = query.text("remote");
  if (remote && !isRemote(remote)) {
    throw unsupported(`building from ${remote}`, { hint: "a git repository, or a URL of an archive or a Dockerfile" });
  }
  const version = query.text("version") ?? "";
  if (!["", "1", "2"].includes(version)) throw invalid(`invalid version: ${version}`, { hint: "it is 1 or 2" });
  if (query.flag("squash"))
    throw unsupported("squashing the layers of a build", { hint: "use a stage and COPY --from" });
  if (query.all("securityopt").some((each) => each !== "" && each !== "null" && each !== "[]")) {
    throw invalid("The daemon on this platform does not support setting security options on build", {
      hint: "leave securityopt out",
    });
  }
  // Files go to isle's own client, which fetches them.
  if (!query.flag("events") && outputs.some(({ kind }) => kind !== "image" && kind !== "cacheonly")) {
    throw unsupported("other outputs than an image", { hint: "build an image, then save or export it" });
  }
}

/** What is asked for and has nothing to act on. */
export function emptyWishes(query: Query): string[] {
  const keeps = !query.flag("rm", true) && !query.flag("forcerm");
  return keeps ? ["rm=false has no effect: steps leave no containers behind"] : [];
}

/** Limits, isolation and network of the steps. */
export function hostOptions(query: Query): HostConfig {
  const number = (name: string, key: keyof HostConfig) => {
    const value = query.integer(name);
    return value ? { [key]: value } : {};
  };
  const text = (name: string, key: keyof HostConfig) => {
    const value = query.text(name);
    return value ? { [key]: value } : {};
  };
  const runtime = runtimeOf(query.text("isolation") ?? "");
  const hosts = query.all("extrahosts").filter(Boolean);
  return {
    ...number("memory", "Memory"),
    ...number("memswap", "MemorySwap"),
    ...number("cpushares", "CpuShares"),
    ...number("cpuperiod", "CpuPeriod"),
    ...number("cpuquota", "CpuQuota"),
    ...number("shmsize", "ShmSize"),
    ...text("cpusetcpus", "CpusetCpus"),
    ...text("cpusetmems", "CpusetMems"),
    ...text("cgroupparent", "CgroupParent"),
    ...text("networkmode", "NetworkMode"),
    ...(runtime && { Runtime: runtime }),
    ...usersOf(query),
    ...(hosts.length > 0 && { ExtraHosts: hosts }),
    ...ulimitsOf(query),
  };
}

function usersOf(query: Query): HostConfig {
  const users = query.text("userns") ?? "";
  if (!["", "host"].includes(users)) throw invalid(`invalid userns: ${users}`, { hint: "host, or none" });
  return users === "" ? {} : { UsernsMode: users };
}

function ulimitsOf(query: Query): HostConfig {
  const limits: unknown = query.json("ulimits") ?? [];
  const isLimit = (each: unknown): boolean => {
    const { Name, Soft, Hard } = (each ?? {}) as Record<string, unknown>;
    return typeof Name === "string" && Number.isSafeInteger(Soft) && Number.isSafeInteger(Hard);
  };
  if (!Array.isArray(limits) || !limits.every(isLimit)) {
    throw invalid("invalid value for ulimits: want a list of objects with Name, Soft and Hard");
  }
  return limits.length > 0 ? { Ulimits: limits as NonNullable<HostConfig["Ulimits"]> } : {};
}

const runtimes: Readonly<Record<string, string | undefined>> = {
  "": undefined,
  default: undefined,
  container: undefined,
  sandbox: "gvisor",
  microvm: "isle-vm",
};

function runtimeOf(isolation: string): string | undefined {
  if (!Object.hasOwn(runtimes, isolation)) {
    throw invalid(`invalid isolation: ${isolation}`, { hint: "one of container, sandbox, microvm" });
  }
  return runtimes[isolation];
}

/** The build is asked for in BuildKit's way: `version=2`. */
export const isBuildkit = (query: Query): boolean => query.text("version") === "2";

/** Its files come over the client's session. */
export const isOverSession = (query: Query): boolean => isBuildkit(query) && query.text("remote") === "client-session";
