import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, posix, relative } from "node:path";
import { IsleError, isErrno, notFound } from "../../../base/error.ts";
import type { ChainId, MountPlace, RootOptions } from "../../../core/snapshot.ts";
import { makeImage, mountImage } from "../../../os/loop.ts";
import { mount, unmount } from "../../../os/mount.ts";
import { limitDirectory, unlimitDirectory } from "../../../os/project-quota.ts";
import { baseLayerName } from "./base-layer.ts";
import type { MappedView } from "./mapped-view.ts";
import { layerPath, type Places, shortName } from "./places.ts";
import { discard } from "./trash.ts";

export interface Roots {
  prepare(rootId: string, layers: readonly ChainId[], options?: RootOptions): void;
  prepareSized(rootId: string, layers: readonly ChainId[], bytes: number): Promise<void>;
  mount(rootId: string): string;
  unmount(rootId: string): void;
  remove(rootId: string): Promise<void>;
  list(): string[];
  /** Directory with the root's changes, there until the release. Fails with notFound. */
  openUpper(rootId: string): { upper: string; release(): void };
  withUpper<T>(rootId: string, work: (upper: string) => Promise<T>): Promise<T>;
  /** Layers below the root, uppermost first; none for a root that was never finished. */
  lowersOf(rootId: string): ChainId[];
  /** Directory with the places to mount on that the root was prepared with, if any. */
  stubsOf(rootId: string): string | undefined;
}

export function createRoots(places: Places, features: ReadonlySet<string>, view: MappedView): Roots {
  const pathOf = (rootId: string): string => join(places.roots, rootId);
  const mergedOf = (rootId: string): string => join(pathOf(rootId), "merged");
  const takeDown = (rootId: string): void => {
    if (isMounted(mergedOf(rootId))) unmount(mergedOf(rootId));
    unmountDisk(pathOf(rootId));
  };
  const openUpper: Roots["openUpper"] = (rootId) => {
    const root = pathOf(rootId);
    if (!isSized(root) && !existsSync(join(root, "upper"))) throw notFound(`no root file system ${rootId}`);
    const upper = join(mountDisk(root), "upper");
    return { upper, release: () => void (isMounted(mergedOf(rootId)) || unmountDisk(root)) };
  };
  return {
    prepare: (rootId, layers, options = {}) => {
      prepare(places, { root: pathOf(rootId), layers, options });
      if (options.mapped) view.admit(rootId, pathOf(rootId));
    },
    prepareSized: (rootId, layers, bytes) => prepareSized(places, { root: pathOf(rootId), layers, bytes }),
    mount: (rootId) => {
      const target = mergedOf(rootId);
      if (isMounted(target)) return target;
      const layers = readLowers(pathOf(rootId));
      // Nothing lies below: what overlayfs would mark hides nothing here, and files of others elsewhere.
      if (layers.length === 0 && isBare(pathOf(rootId)) && !view.has(rootId)) return join(pathOf(rootId), "upper");
      const writable = relative(places.roots, mountDisk(pathOf(rootId)));
      const ground = groundOf(places, pathOf(rootId));
      const dataOf = (names: readonly string[]) => overlayOptions({ writable, names: [...names, ...ground], features });
      view.mountRoot(rootId, (links) => mountLayers(places, layers, { links, target, dataOf }));
      return target;
    },
    unmount: takeDown,
    remove: (rootId) => {
      takeDown(rootId);
      view.forget(rootId);
      unlimitDirectory(join(pathOf(rootId), diskName));
      return discard(places.trash, pathOf(rootId));
    },
    list: () => readdirSync(places.roots),
    openUpper,
    async withUpper(rootId, work) {
      const { upper, release } = openUpper(rootId);
      try {
        return await work(upper);
      } finally {
        release();
      }
    },
    stubsOf: (rootId) => [join(pathOf(rootId), stubsName)].find((path) => existsSync(path)),
    lowersOf: (rootId) => (existsSync(join(pathOf(rootId), "lower")) ? readLowers(pathOf(rootId)) : []),
  };
}

/** The list of layers is written last: a root with it is whole. */
function prepare(
  places: Places,
  { root, layers, options }: { root: string; layers: readonly ChainId[]; options: RootOptions },
): void {
  mkdirSync(root, { mode: 0o710 });
  if (options.places?.length) makeMountPlaces(join(root, stubsName), options.places);
  if (options.bare) writeFileSync(join(root, bareName), "");
  makeWritable(places, root, layers);
  finish(root, layers);
}

/**
 * What is written lies in a directory that the file system limits, or in an image of its own, which is mounted while
 * it is looked at.
 */
async function prepareSized(
  places: Places,
  { root, layers, bytes }: { root: string; layers: readonly ChainId[]; bytes: number },
): Promise<void> {
  mkdirSync(join(root, diskName), { recursive: true, mode: 0o710 });
  if (!limitDirectory(join(root, diskName), bytes)) await makeImage(join(root, imageName), bytes);
  makeWritable(places, mountDisk(root), layers);
  unmountDisk(root);
  finish(root, layers);
}

function makeWritable(places: Places, parent: string, layers: readonly ChainId[]): void {
  mkdirSync(join(parent, "upper"), { mode: 0o755 });
  mkdirSync(join(parent, "work"), { mode: 0o700 });
  const top = layers.at(-1);
  if (top) copyTopDirectory(places, top, join(parent, "upper"));
}

function finish(root: string, layers: readonly ChainId[]): void {
  mkdirSync(join(root, "merged"), { mode: 0o700 });
  writeFileSync(join(root, "lower"), JSON.stringify(layers.toReversed()));
}

/** Marks a root without the base layer. */
const bareName = "bare";
const isBare = (root: string): boolean => existsSync(join(root, bareName));

/** What stands below the layers, uppermost first, seen from where the links are. */
function groundOf(places: Places, root: string): string[] {
  const stubs = join(root, stubsName);
  return [...(isBare(root) ? [] : [baseLayerName]), ...(existsSync(stubs) ? [relative(places.links, stubs)] : [])];
}

/** The lowest layer of a root with places to mount on. */
const stubsName = "stubs";

function makeMountPlaces(stubs: string, mountPlaces: readonly MountPlace[]): void {
  mkdirSync(stubs, { mode: 0o755 });
  for (const { path, kind } of mountPlaces) {
    const place = join(stubs, posix.resolve("/", path));
    mkdirSync(kind === "directory" ? place : dirname(place), { recursive: true, mode: 0o755 });
    if (kind === "file") writeFileSync(place, "", { mode: 0o644 });
  }
}

const imageName = "disk.img";
const diskName = "disk";

const isSized = (root: string): boolean => existsSync(join(root, diskName));

/** The directory that holds the upper and the work directory of a root. */
function mountDisk(root: string): string {
  if (!isSized(root)) return root;
  const disk = join(root, diskName);
  const image = join(root, imageName);
  if (existsSync(image) && !isMounted(disk)) mountImage(image, disk);
  return disk;
}

function unmountDisk(root: string): void {
  const disk = join(root, diskName);
  if (isMounted(disk)) unmount(disk);
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
  writable,
  names,
  features,
}: {
  /** What holds the upper and the work directory, seen from the directory of roots. */
  writable: string;
  /** Short names of the layers and what is below them, uppermost first. */
  names: readonly string[];
  /** Options the running kernel's overlayfs has. */
  features: ReadonlySet<string>;
}): string {
  const extra = Object.entries(plainLayers).flatMap(([feature, option]) => (features.has(feature) ? [option] : []));
  const lower = `lowerdir=${names.join(":")}`;
  const root = `../roots/${writable}`;
  return [lower, `upperdir=${root}/upper`, `workdir=${root}/work`, ...extra].join(",");
}

/** A mount fails without a word on what is missing. */
function mountLayers(
  places: Places,
  layers: readonly ChainId[],
  { links, target, dataOf }: { links: string; target: string; dataOf(names: readonly string[]): string },
): void {
  const names = layers.map(shortName);
  try {
    mountFrom(links, { target, data: dataOf(names) });
  } catch (cause) {
    const once = isErrno(cause, "ELOOP") ? uppermost(places, names) : names;
    if (once.length < names.length) {
      mountFrom(links, { target, data: dataOf(once) });
      return;
    }
    const missing =
      isErrno(cause, "ENOENT") && layers.find((layer) => !existsSync(join(layerPath(places, layer), "fs")));
    if (!missing) throw cause;
    throw new IsleError("dataLoss", `layer ${missing} is missing`, {
      hint: "remove the image and get it again",
      cause,
    });
  }
}

/** The kernel takes no directory twice. Of one that layers share, the uppermost says all that those below it say. */
function uppermost(places: Places, names: readonly string[]): string[] {
  const directories = names.map((name) => realpathSync(join(places.links, name)));
  return names.filter((_, index) => directories.indexOf(directories[index]!) === index);
}

/** Mounts with paths relative to `directory`. All of it is synchronous, so no other code sees the changed directory. */
export function mountFrom(directory: string, { target, data }: { target: string; data: string }): void {
  if (Buffer.byteLength(data) > 4095) throw new IsleError("unsupported", "the image has too many layers to be mounted");
  const before = process.cwd();
  process.chdir(directory);
  try {
    mount({ source: "overlay", target, type: "overlay", data });
  } finally {
    process.chdir(before);
  }
}
