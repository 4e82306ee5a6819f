import type { QueryValues } from "../../client/query-string.ts";
import { limitFlags } from "../create/container-flags.ts";
import { ulimits } from "../create/devices.ts";
import type { FlagTable, FlagValues } from "../flags/flag.ts";

const forDocker = { type: "bool", help: "Accepted for Docker's sake", hidden: true } as const;

/** Flags of `isle build` for what each RUN gets. */
export const stepFlags = {
  "add-host": { type: "list", help: "Another line of /etc/hosts for the steps", value: "host:ip" },
  "cgroup-parent": { type: "string", help: "Control group that those of the steps lie in" },
  "cpu-period": limitFlags["cpu-period"],
  "cpu-quota": limitFlags["cpu-quota"],
  "cpu-shares": limitFlags["cpu-shares"],
  "cpuset-cpus": limitFlags["cpuset-cpus"],
  "cpuset-mems": limitFlags["cpuset-mems"],
  isolation: { type: "string", help: "What the steps run in: container, sandbox or microvm" },
  memory: { type: "bytes", short: "m", help: "Memory limit of a step" },
  "memory-swap": limitFlags["memory-swap"],
  network: { type: "string", help: "Network of the steps: default, none, host" },
  "shm-size": { type: "bytes", help: "Size of /dev/shm of a step" },
  ulimit: { type: "list", help: "Limit a resource of a step's processes", value: "name=soft[:hard]" },
  userns: { type: "string", help: "host: run the steps as users of the machine, not as mapped ones", value: "host" },
  // Steps leave no containers, and only what has changed is sent.
  compress: forDocker,
  "force-rm": forDocker,
  rm: { ...forDocker, default: true },
} as const satisfies FlagTable;

/** The flags in the words of the API. */
export function stepQuery(flags: FlagValues<typeof stepFlags>): QueryValues {
  const limits = ulimits(flags.ulimit);
  return {
    extrahosts: flags["add-host"],
    cgroupparent: flags["cgroup-parent"],
    cpuperiod: flags["cpu-period"],
    cpuquota: flags["cpu-quota"],
    cpushares: flags["cpu-shares"],
    cpusetcpus: flags["cpuset-cpus"],
    cpusetmems: flags["cpuset-mems"],
    isolation: flags.isolation,
    memory: flags.memory,
    memswap: flags["memory-swap"],
    networkmode: flags.network,
    shmsize: flags["shm-size"],
    ulimits: limits.length > 0 ? JSON.stringify(limits) : undefined,
    userns: flags.userns,
  };
}
