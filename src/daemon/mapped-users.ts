import { chownSync, existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { IsleError, messageOf } from "../base/error.ts";
import type { MappedUsers, MappedUsersPort } from "../core/mapped-users.ts";
import type { SnapshotStore } from "../core/snapshot.ts";
import { makeUserNamespace, removeNamespace, tryKernelFiles } from "../os/user-namespace.ts";
import type { DaemonConfig } from "./config.ts";
import type { DaemonPaths } from "./paths.ts";
import { programVersion } from "./programs.ts";

/** The upper half of all ids, which no account has: every id that an image may hold has its place in it. */
const range = { first: 2 ** 31, count: 2 ** 31 - 1 };

/** The first crun that opens mapped mounts itself, whoever may enter their directories. */
const oldestCrun = [1, 8] as const;

interface Surroundings {
  readonly config: DaemonConfig;
  readonly paths: DaemonPaths;
  readonly snapshots: SnapshotStore;
  /** Full path of crun, where it is installed. */
  readonly crun: string | undefined;
}

/** Looks, when it is first asked, whether steps of builds can run as users that are nobody on this machine. */
export function createMappedUsers(around: Surroundings): MappedUsersPort & { close(): Promise<void> } {
  let finding = "not tried yet";
  let found: Promise<MappedUsers | undefined> | undefined;
  const look = async (): Promise<MappedUsers | undefined> => {
    try {
      const users = await tryOut(around);
      finding = "yes";
      return users;
    } catch (error) {
      finding = `no: ${messageOf(error)}`;
      removeNamespace(around.paths.userNamespace);
      return undefined;
    }
  };
  return {
    ready() {
      found ??= look();
      return found;
    },
    finding: () => finding,
    async close() {
      await found;
      removeNamespace(around.paths.userNamespace);
    },
  };
}

async function tryOut({ config, paths, snapshots, crun }: Surroundings): Promise<MappedUsers> {
  if (config.buildUserns === "host") throw cannot("build-userns is host");
  await checkRuntime(crun);
  checkWayTo(paths.snapshots);
  checkOneMount(paths);
  const namespace = paths.userNamespace;
  await makeUserNamespace(namespace, range);
  await tryKernelFiles(namespace);
  const users = { namespace, ...range };
  await snapshots.showTo(users);
  // Secrets of steps lie below it in memory.
  chownSync(paths.builds, 0, range.first);
  return users;
}

async function checkRuntime(crun: string | undefined): Promise<void> {
  if (crun === undefined) throw cannot("crun is not installed");
  const version = await programVersion(crun);
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isNew = major > oldestCrun[0] || (major === oldestCrun[0] && minor >= oldestCrun[1]);
  if (!isNew) throw cannot(`crun ${version} is older than ${oldestCrun.join(".")}`);
}

/** Whoever is nobody must come as far as to the root of the step. */
function checkWayTo(directory: string): void {
  for (let each = directory; ; each = dirname(each)) {
    if (existsSync(each) && (statSync(each).mode & 0o001) === 0) throw cannot(`${each} is closed to other users`);
    if (each === dirname(each)) return;
  }
}

/** What is mounted below the data root would not be seen through the mapped mount of it, or not be mapped. */
function checkOneMount({ snapshots, instances, builds }: DaemonPaths): void {
  const parts = ["layers", "links", "roots", "shared", "incoming"].map((name) => join(snapshots, name));
  const { dev } = statSync(snapshots);
  const apart = [...parts, instances, builds].find((path) => existsSync(path) && statSync(path).dev !== dev);
  if (apart !== undefined) throw cannot(`${apart} is a mount of its own`);
}

const cannot = (why: string): IsleError => new IsleError("unsupported", why);
