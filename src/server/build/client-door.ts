import type { Digest } from "../../base/digest.ts";
import type { ContentStore } from "../../core/content.ts";
import type { CacheImage } from "../../engine/build/cache/export-cache.ts";
import type { BuildRequest } from "../../engine/build/request.ts";
import { writeImageArchive } from "../../engine/image/image-archive.ts";
import { listenForAgent } from "./agent-socket.ts";
import { BuildAgents } from "./build-agents.ts";
import { BuildFetches } from "./build-fetches.ts";
import { BuildOutputs } from "./build-outputs.ts";

export const buildOutputs = new BuildOutputs();
export const buildFetches = new BuildFetches();
export const buildAgents = new BuildAgents();

/** What isle's own client is told of in the events of its build, and sees to on other connections. */
export type DoorEvent =
  | { readonly kind: "agent"; readonly agent: string; readonly id: string }
  | { readonly kind: "deliver"; readonly output: number; readonly id: string }
  | { readonly kind: "deliver-cache"; readonly name: string; readonly id: string }
  | { readonly kind: "fetch"; readonly name: string; readonly digest: Digest; readonly id: string };

/** The ways of a build to its client's files. */
export function clientDoor(
  content: ContentStore,
  announce: (event: DoorEvent) => void,
  signal: AbortSignal,
): Pick<BuildRequest, "deliver" | "clientCache"> {
  return {
    deliver: ({ archive, index }) =>
      buildOutputs.offer(archive, (id) => announce({ kind: "deliver", output: index, id }), signal),
    clientCache: {
      open: (name, digest) => buildFetches.fetch((id) => announce({ kind: "fetch", name, digest, id }), signal),
      write: (name, cache, tag) =>
        buildOutputs.offer(
          writeImageArchive(content, layout(cache, tag)),
          (id) => announce({ kind: "deliver-cache", name, id }),
          signal,
        ),
    },
  };
}

const layout = ({ blobs, manifest }: CacheImage, tag: string) => ({
  blobs,
  index: [{ ...manifest, annotations: { "org.opencontainers.image.ref.name": tag } }],
  dockerEntries: undefined,
});

/** The SSH agents that a client of isle's own offers by these ids. */
export function clientAgents(
  { directory, offered }: { directory: string; offered: readonly string[] },
  announce: (event: DoorEvent) => void,
  signal: AbortSignal,
): BuildRequest["sshAgent"] {
  return async (agent) => {
    if (!offered.includes(agent)) return undefined;
    const ask = () => buildAgents.connect((id) => announce({ kind: "agent", agent, id }), signal);
    return await listenForAgent(directory, ask);
  };
}
