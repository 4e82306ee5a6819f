import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { createSide, type Side, startHolder } from "./side.ts";

const root = dirname(dirname(import.meta.dirname));
const isle = join(root, "dist", "isle");

/** Process 1 of the namespaces: brings the engine up and reaps whatever is handed to it. */
const reap = "echo ready; while :; do wait -n 2>/dev/null || sleep 1; done";

export async function startIsle(directory: string): Promise<Side> {
  mkdirSync(directory, { recursive: true });
  const socket = `unix://${join(directory, "isle.sock")}`;
  const script = [
    "mount --make-rshared /",
    "ip link set lo up",
    // As /run is on a real machine, and in the peers' root.
    `mkdir -p ${directory}/exec; mount -t tmpfs tmpfs ${directory}/exec`,
    `${isle} daemon --data-root ${directory}/data --exec-root ${directory}/exec -H ${socket} >${directory}/log 2>&1 &`,
    `until ${isle} -H ${socket} version >/dev/null 2>&1; do sleep 0.05; done`,
    reap,
  ].join("\n");
  const { holder, root: pid } = await startHolder(["unshare", "-mnpf", "--mount-proc", "bash", "-c", script]);
  return createSide({ name: "isle", holder, root: pid, client: [isle, "-H", socket], entersRoot: false });
}

/** The peers' root, made by their own script; undefined where it is not there. */
export function findPeers(): { directory: string; enter: string } | undefined {
  const enter = process.env["ISLE_PEERS_ENTER"] ?? join(root, "../shared/peers/in-peer");
  const directory = process.env["ISLE_PEERS"] ?? "/var/tmp/peers";
  return existsSync(enter) && existsSync(join(directory, "sid")) ? { directory, enter } : undefined;
}

export async function startDocker(
  { directory, enter }: { directory: string; enter: string },
  flags = "",
): Promise<Side> {
  const name = `bench-${process.pid}${flags && "-flags"}`;
  const script = [
    `rm -rf /var/lib/docker/${name}; mkdir -p /var/lib/docker/${name}`,
    `env -u TMPDIR dockerd --data-root /var/lib/docker/${name} ${flags} >/tmp/dockerd.log 2>&1 &`,
    "until docker version >/dev/null 2>&1; do sleep 0.1; done",
    reap,
  ].join("\n");
  const { holder, root: pid } = await startHolder([enter, directory, "bash", "-c", script]);
  const side = createSide({ name: "docker", holder, root: pid, client: ["docker"], entersRoot: true });
  return {
    ...side,
    close() {
      side.close();
      rmSync(join(directory, "data", name), { recursive: true, force: true });
    },
  };
}

export async function startPodman({ directory, enter }: { directory: string; enter: string }): Promise<Side> {
  const script = ["rm -rf /var/lib/docker/podman; mkdir -p /var/lib/docker/podman", reap].join("\n");
  const { holder, root: pid } = await startHolder([enter, directory, "bash", "-c", script]);
  const client = ["podman", "--root", "/var/lib/docker/podman", "--cgroup-manager", "cgroupfs"];
  return createSide({ name: "podman", holder, root: pid, client, entersRoot: true });
}
