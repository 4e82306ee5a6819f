import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { findPeers } from "../perf/engines.ts";
import { startHolder } from "../perf/side.ts";
import { ask } from "./engine-request.ts";

export interface DockerEngine {
  readonly socket: string;
  stop(): Promise<void>;
}

/** Why there is no Docker engine to compare with; empty when there is one. */
export const missingDocker = (): string =>
  findPeers()
    ? ""
    : "there is no root with dockerd: name it in ISLE_PEERS and the program that enters it in ISLE_PEERS_ENTER";

/** Ends with the process that started it, so that a killed test leaves no engine. */
const mortal = ["setpriv", "--pdeathsig", "KILL"];

/** Starts dockerd in the peers' root, in namespaces of its own and with a data root of its own. */
export async function startDockerEngine(): Promise<DockerEngine> {
  const { directory, enter } = findPeers()!;
  const data = join(directory, "data", `differential-${process.pid}`);
  const inside = `/var/lib/docker/differential-${process.pid}`;
  mkdirSync(data, { recursive: true });
  const script = [
    `dockerd --data-root ${inside} -H unix://${inside}/docker.sock >${inside}.log 2>&1 &`,
    `until docker -H unix://${inside}/docker.sock version >/dev/null 2>&1; do sleep 0.1; done`,
    "echo ready; while :; do wait -n 2>/dev/null || sleep 1; done",
  ].join("\n");
  const { holder, root } = await startHolder([...mortal, enter, directory, ...mortal, "bash", "-c", script]);
  const socket = join(data, "docker.sock");
  return {
    socket,
    stop: async () => {
      await removeContainers(socket);
      // The kernel kills all of a process namespace when its first process goes.
      const ended = new Promise((resolve) => holder.once("exit", resolve));
      process.kill(root, "SIGKILL");
      await ended;
      rmSync(data, { recursive: true, force: true });
      rmSync(`${data}.log`, { force: true });
    },
  };
}

async function removeContainers(socket: string): Promise<void> {
  const { json } = await ask(socket, { method: "GET", path: "/containers/json", query: { all: "1" } });
  for (const { Id } of json as { Id: string }[]) {
    await ask(socket, { method: "DELETE", path: `/containers/${Id}`, query: { force: "1", v: "1" } });
  }
}
