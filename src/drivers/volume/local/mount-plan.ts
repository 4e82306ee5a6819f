import { mountFlag } from "../../../os/mount.ts";

export interface MountPlan {
  readonly source: string;
  readonly type: string;
  /** Sum of `mountFlag`s. */
  readonly flags: number;
  /** A bind takes only these by a second call. */
  readonly remountFlags: number;
  /** What the file system itself reads. */
  readonly data: string;
}

const setting: Readonly<Record<string, number>> = {
  ro: mountFlag.readonly,
  nosuid: mountFlag.nosuid,
  nodev: mountFlag.nodev,
  noexec: mountFlag.noexec,
  sync: mountFlag.synchronous,
  dirsync: mountFlag.directorySync,
  noatime: mountFlag.noAccessTime,
  nodiratime: mountFlag.noDirectoryAccessTime,
  relatime: mountFlag.relativeAccessTime,
  strictatime: mountFlag.strictAccessTime,
};

const clearing: Readonly<Record<string, number>> = {
  rw: mountFlag.readonly,
  suid: mountFlag.nosuid,
  dev: mountFlag.nodev,
  exec: mountFlag.noexec,
  async: mountFlag.synchronous,
  atime: mountFlag.noAccessTime,
  diratime: mountFlag.noDirectoryAccessTime,
  norelatime: mountFlag.relativeAccessTime,
  nostrictatime: mountFlag.strictAccessTime,
  defaults: 0,
};

const binding: Readonly<Record<string, number>> = {
  bind: mountFlag.bind,
  rbind: mountFlag.bind | mountFlag.recursive,
};

/** Reads `type`, `device` and `o` as mount(8) takes them: flags apart from the file system's own options. */
export function planMount(options: Readonly<Record<string, string>>): MountPlan {
  const words = (options["o"] ?? "").split(",").filter(Boolean);
  let [bind, own] = [0, 0];
  const data: string[] = [];
  for (const word of words) {
    if (Object.hasOwn(binding, word)) bind |= binding[word]!;
    else if (Object.hasOwn(setting, word)) own |= setting[word]!;
    else if (Object.hasOwn(clearing, word)) own &= ~clearing[word]!;
    else data.push(word);
  }
  const type = options["type"] === "none" || bind !== 0 ? "" : (options["type"] ?? "");
  const source = options["device"] ?? "";
  if (bind === 0) return { source, type, flags: own, remountFlags: 0, data: data.join(",") };
  return { source, type, flags: bind, remountFlags: own && own | mountFlag.remount | bind, data: data.join(",") };
}

/** The host that a network file system's `addr=` names: the kernel wants its address. */
export function hostToResolve({ type, data }: MountPlan): string | undefined {
  if (!/^(nfs4?|cifs)$/.test(type)) return undefined;
  return data
    .split(",")
    .find((word) => word.startsWith("addr="))
    ?.slice("addr=".length);
}

export function withAddress(plan: MountPlan, address: string): MountPlan {
  const words = plan.data.split(",").map((word) => (word.startsWith("addr=") ? `addr=${address}` : word));
  return { ...plan, data: words.join(",") };
}
