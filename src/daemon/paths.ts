import { join } from "node:path";

/** Where everything of one daemon lies. */
export function daemonPaths(dataRoot: string, execRoot: string) {
  return {
    lock: join(dataRoot, "lock"),
    database: join(dataRoot, "isle.db"),
    identity: join(dataRoot, "engine-id"),
    boot: join(dataRoot, "boot-id"),
    content: join(dataRoot, "content"),
    snapshots: dataRoot,
    instances: join(dataRoot, "instances"),
    imageDisks: join(dataRoot, "erofs"),
    volumes: join(dataRoot, "volumes"),
    builds: join(dataRoot, "builds"),
    instance: (id: string) => join(dataRoot, "instances", id),
    log: (id: string) => join(dataRoot, "instances", id, "log"),
    exits: join(execRoot, "exits"),
    exec: join(execRoot, "exec"),
    agents: join(execRoot, "ssh"),
    netns: join(execRoot, "netns"),
    userNamespace: join(execRoot, "mapped", "users"),
    mappedView: join(execRoot, "mapped", "files"),
    launcher: (program: string) => join(execRoot, "launchers", program),
    templates: join(dataRoot, "templates"),
    copies: join(dataRoot, "microvm-copies"),
    poolDisks: join(dataRoot, "microvm-disks"),
    helpers: join(execRoot, "helpers"),
    pool: join(execRoot, "microvms"),
    guestRuntime: join(execRoot, "bin", "isle-vm"),
    runtimeState: (name: string) => join(execRoot, "runtime", name),
  };
}

export type DaemonPaths = ReturnType<typeof daemonPaths>;
