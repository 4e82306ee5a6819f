import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { IsleError, isErrno, notFound } from "../../../base/error.ts";
import type { ChainId } from "../../../core/snapshot.ts";
import { mount, unmount } from "../../../os/mount.ts";
import { baseLayerName } from "./base-layer.ts";
import { layerPath, type Places, shortName } from "./places.ts";
import { discard } from "./trash.ts";

export interface Roots {
  prepare(rootId: string, layers: readonly ChainId[]): void;
  mount(rootId: string): string;
  unmount(rootId: string): void;
  remove(rootId: string): Promise<void>;
  list(): string[];
  /** Directory with the root's changes. Fails with notFound. */
  upperOf(rootId: string): string;
  /** Layers below the root, uppermost first; none for a root that was never finished. */
  lowersOf(rootId: string): ChainId[];
}

export function createRoots(places: Places, features: ReadonlySet<string>): Roots {
  const pathOf = (rootId: string): string => join(places.roots, rootId);
  const mergedOf = (rootId: string): string => join(pathOf(rootId), "merged");
  const takeDown = (rootId: string): void => {
    if (isMounted(mergedOf(rootId))) unmount(mergedOf(rootId));
  };
  return {
    prepare: (rootId, layers) => prepare(places, pathOf(rootId), layers),
    mount: (rootId) => {
      const target = mergedOf(rootId);
      if (!isMounted(target)) {
        const layers = readLowers(pathOf(rootId));
        const names = layers.map(shortName);
        mountLayers(places, layers, { target, data: overlayOptions({ rootId, names, features }) });
      }
      return target;
    },
    unmount: takeDown,
    remove: (rootId) => {
      takeDown(rootId);
      return discard(places.trash, pathOf(rootId));
    },
    list: () => readdirSync(places.roots),
    upperOf: (rootId) => {
      const upper = join(pathOf(rootId), "upper");
      if (statSync(upper, { throwIfNoEntry: false })) return upper;
      throw notFound(`no root file system ${rootId}`);
    },
    lowersOf: (rootId) => (existsSync(join(pathOf(rootId), "lower")) ? readLowers(pathOf(rootId)) : []),
  };
}

/** The list of layers is written last: a root with it is whole. */
function prepare(places: Places, root: string, layers: readonly ChainId[]): void {
  mkdirSync(root, { mode: 0o710 });
  for (const [name, mode] of [
    ["upper", 0o755],
    ["work", 0o700],
    ["merged", 0o700],
  ] as const) {
    mkdirSync(join(root, name), { mode });
  }
  const top = layers.at(-1);
  if (top) copyTopDirectory(places, top, join(root, "upper"));
  writeFileSync(join(root, "lower"), JSON.stringify(layers.toReversed()));
}

/** The root directory of the mount shows the upper directory's owner and mode, which must be the image's. */
function copyTopDirectory(places: Places, top: ChainId, upper: string): void {
  const stat = statSync(join(layerPath(places, top), "fs"), { throwIfNoEntry: false });
  if (!stat) throw new IsleError("dataLoss", `layer ${top} is missing`, { hint: "remove the image and get it again" });
  chownSync(upper, stat.uid, stat.gid);
  chmodSync(upper, stat.mode & 0o7777);
}

function readLowers(root: string): ChainId[] {
  try {
    return JSON.parse(readFileSync(join(root, "lower"), "utf8")) as ChainId[];
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) throw notFound(`no root file system ${root}`, { cause });
    throw cause;
  }
}

function isMounted(target: string): boolean {
  const stat = statSync(target, { throwIfNoEntry: false });
  return stat !== undefined && stat.dev !== statSync(join(target, "..")).dev;
}

/** Overlay options that keep the upper directory a plain OCI layer; older kernels do not know all of them. */
const plainLayers = { index: "index=off", metacopy: "metacopy=off", redirect_dir: "redirect_dir=off" };

export function overlayOptions({
  rootId,
  names,
  features,
}: {
  rootId: string;
  /** Short names of the layers, uppermost first. */
  names: readonly string[];
  /** Options the running kernel's overlayfs has. */
  features: ReadonlySet<string>;
}): string {
  const extra = Object.entries(plainLayers).flatMap(([feature, option]) => (features.has(feature) ? [option] : []));
  const lower = `lowerdir=${[...names, baseLayerName].join(":")}`;
  const root = `../roots/${rootId}`;
  return [lower, `upperdir=${root}/upper`, `workdir=${root}/work`, ...extra].join(",");
}

/** A mount fails without a word on what is missing. */
function mountLayers(
  places: Places,
  layers: readonly ChainId[],
  { target, data }: { target: string; data: string },
): void {
  try {
    mountFrom(places.links, { target, data });
  } catch (cause) {
    const missing =
      isErrno(cause, "ENOENT") && layers.find((layer) => !existsSync(join(layerPath(places, layer), "fs")));
    if (!missing) throw cause;
    throw new IsleError("dataLoss", `layer ${missing} is missing`, {
      hint: "remove the image and get it again",
      cause,
    });
  }
}

/** Mounts with paths relative to `directory`. All of it is synchronous, so no other code sees the changed directory. */
function mountFrom(directory: string, { target, data }: { target: string; data: string }): void {
  if (Buffer.byteLength(data) > 4095) throw new IsleError("unsupported", "the image has too many layers to be mounted");
  const before = process.cwd();
  process.chdir(directory);
  try {
    mount({ source: "overlay", target, type: "overlay", data });
  } finally {
    process.chdir(before);
  }
}
