import { chmodSync, chownSync, createWriteStream, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ContentStore } from "../../../core/content.ts";
import type { Change, DiffOptions, LayerUsage, SnapshotStore } from "../../../core/snapshot.ts";
import { readConfined, runConfined } from "../../../os/confined/confined.ts";
import { makeBaseLayer } from "./base-layer.ts";
import { dropStubs } from "./drop-stubs.ts";
import { createLayers } from "./layers.ts";
import { MappedView } from "./mapped-view.ts";
import { layerPath, makePlaces, type Places } from "./places.ts";
import { createRoots, type Roots } from "./roots.ts";
import { sweepShared } from "./shared-layers.ts";
import { discard, emptyDirectory } from "./trash.ts";
import { endTrials, tryView } from "./try-view.ts";

export interface OverlayOptions {
  /** Data root: the driver makes `layers`, `links`, `roots`, `incoming` and `trash` in it. */
  readonly directory: string;
  readonly content: ContentStore;
  /** Where the directories are mounted as users of a namespace see them; without it there is no such view. */
  readonly view?: string;
}

/** Layers and roots by the kernel's overlayfs. */
export function createOverlaySnapshots({ directory, content, view: viewPath }: OverlayOptions): SnapshotStore & {
  /** Removes what an earlier process left half-made or half-deleted; run it before anything else is asked. */
  sweep(): Promise<void>;
  close(): void;
} {
  const places = makePlaces(directory);
  makeBaseLayer(places);
  const layers = createLayers(places, content);
  const view = new MappedView(places, viewPath);
  const roots = createRoots(places, overlayFeatures(), view);
  return {
    hasLayer: layers.has,
    applyLayer: layers.apply,
    adoptRoot: async (rootId, layer) => {
      await roots.withUpper(rootId, (upper) => layers.adopt(upper, layer));
      await roots.remove(rootId);
    },
    removeLayer: layers.remove,
    listLayers: layers.list,
    placeOf: layers.placeOf,
    async showTo(users) {
      view.show(users);
      try {
        await tryView(places, view, overlayFeatures());
      } catch (error) {
        view.close();
        throw error;
      }
    },
    prepare: roots.prepare,
    prepareSized: roots.prepareSized,
    mount: roots.mount,
    unmount: roots.unmount,
    removeRoot: roots.remove,
    listRoots: roots.list,
    layersInUse: () => new Set(roots.list().flatMap(roots.lowersOf)),
    usage: (rootId) =>
      roots.withUpper(rootId, async (target) => {
        const usage = await runConfined({ op: "usage", target });
        return { sizeBytes: (usage as { sizeBytes: number }).sizeBytes };
      }),
    changes: (rootId) =>
      roots.withUpper(rootId, async (path) => {
        const upper = relative(places.base, path);
        const lowers = roots.lowersOf(rootId).map((layer) => relative(places.base, `${layerPath(places, layer)}/fs`));
        return (await runConfined({ op: "changes", base: places.base, upper, lowers })) as Change[];
      }),
    replaceChanges: (rootId, layer) => replaceChanges(places, roots, { rootId, layer }),
    diff: (rootId, options = {}) => Readable.from(packUpper(roots, rootId, options), { objectMode: false }),
    async sweep() {
      view.close();
      await sweep(places, layers);
    },
    close: () => view.close(),
  };
}

async function* packUpper(
  roots: Roots,
  rootId: string,
  { latestNanos, onUsage }: DiffOptions,
): AsyncGenerator<Buffer, void> {
  const { upper, release } = roots.openUpper(rootId);
  const latest = latestNanos === undefined ? {} : { latestNanos: latestNanos.toString() };
  try {
    const { tar, done } = readConfined({ op: "packUpper", upper, ...latest });
    done.catch(() => {});
    yield* tar as AsyncIterable<Buffer>;
    onUsage?.((await done) as LayerUsage);
  } finally {
    release();
  }
}

/** Unpacked beside, then moved in place: the mount that is there shows the old ones no more. */
function replaceChanges(
  places: Places,
  roots: Roots,
  { rootId, layer }: { rootId: string; layer: Readable },
): Promise<void> {
  return roots.withUpper(rootId, async (upper) => {
    const making = join(places.incoming, crypto.randomUUID());
    const [blob, fresh, old] = ["layer.tar", "upper", "old"].map((name) => join(making, name)) as [
      string,
      string,
      string,
    ];
    mkdirSync(making, { mode: 0o700 });
    try {
      await pipeline(layer, createWriteStream(blob, { mode: 0o600 }));
      await unpackInto(fresh, blob);
      const stubs = roots.stubsOf(rootId);
      const lowers = roots.lowersOf(rootId).map((layer) => join(layerPath(places, layer), "fs"));
      if (stubs) dropStubs(stubs, fresh, lowers);
      const { uid, gid, mode } = statSync(upper);
      chownSync(fresh, uid, gid);
      chmodSync(fresh, mode & 0o7777);
      roots.unmount(rootId);
      renameSync(upper, old);
      renameSync(fresh, upper);
    } finally {
      await discard(places.trash, making);
    }
  });
}

async function unpackInto(target: string, blob: string): Promise<void> {
  mkdirSync(target);
  await runConfined({ op: "unpackLayer", blob, target });
}

async function sweep(places: Places, layers: { repairLinks(): void }): Promise<void> {
  layers.repairLinks();
  await sweepShared(places);
  endTrials(places);
  await emptyDirectory(places.incoming);
  await emptyDirectory(places.trash);
}

function overlayFeatures(): Set<string> {
  try {
    return new Set(readdirSync("/sys/module/overlay/parameters"));
  } catch {
    return new Set();
  }
}
