import { execFileSync } from "node:child_process";
import { globSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What of the machine tests may touch, each kind as a set of lines. */
export type Surroundings = Readonly<Record<string, ReadonlySet<string>>>;

/**
 * Looks at the machine. Only what can be told apart from the work of others on the same machine is counted: everything
 * under `directory`, in which the tests have all their files, and whatever is named for isle.
 */
export function lookAround(directory: string): Surroundings {
  return {
    mount: new Set(lines("/proc/mounts").filter((line) => line.includes(directory))),
    process: new Set(processesOf(directory)),
    file: new Set(readdirSync(directory)),
    "network namespace": new Set(globSync("/run/netns/isle*")),
    "nftables table": new Set(output("nft", ["list", "tables"]).filter((line) => /isle/.test(line))),
    "network device": new Set(deviceNames().filter((name) => /^isle/.test(name))),
    "control group": new Set(emptyGroups()),
  };
}

/** What is there after and was not before, as readable lines. */
export function leftovers(before: Surroundings, after: Surroundings): string[] {
  return Object.entries(after).flatMap(([kind, items]) =>
    [...items].filter((item) => !before[kind]?.has(item)).map((item) => `${kind} left behind: ${item}`),
  );
}

/** Processes that were started with a path in the directory, or live on a mount in it. */
function processesOf(directory: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return pids.flatMap((pid) => {
    const facts = ["cmdline", "environ", "mountinfo"].map((file) => lines(`/proc/${pid}/${file}`).join("\n"));
    const command = facts[0]!.replaceAll("\0", " ").trim();
    return command !== "" && facts.some((fact) => fact.includes(directory)) ? [`${pid} ${command.slice(0, 120)}`] : [];
  });
}

/** Control groups of containers in which no process is: one that is alive keeps its group. */
function emptyGroups(): string[] {
  const groups = globSync(["/sys/fs/cgroup/isle/*/", "/sys/fs/cgroup/*/isle/*/"]);
  return groups.filter((group) => /[0-9a-f]{64}/.test(group) && lines(join(group, "cgroup.procs")).length === 0);
}

const deviceNames = (): string[] => readdirSync("/sys/class/net");

function lines(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").filter(Boolean);
  } catch {
    // Gone meanwhile, or not for us to read: not ours either way.
    return [];
  }
}

function output(program: string, args: readonly string[]): string[] {
  try {
    return execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n");
  } catch {
    return [];
  }
}
