import type { OciMount } from "../../core/oci-spec.ts";
import { fieldTag } from "../generated/protocol.ts";
import { field, texts, u32, u64 } from "./fields.ts";

/** What of the host a guest gets: directories of the shared tree, and small files by content. */
export interface MountPlan {
  readonly fields: Buffer[];
  /** Those of the fields that are files. */
  readonly files: Buffer[];
  /** In the order of their names 0, 1, … in the shared tree. */
  readonly shares: Share[];
}

/** A path of the host that the guest sees. */
export interface Share {
  readonly path: string;
  readonly readonly: boolean;
  /** Mounts that the host makes below it later show up in it. */
  readonly follows: boolean;
}

/** Looks at the host for the plan. */
export interface MountSource {
  /** Content and mode of a small regular file, undefined for anything else. */
  smallFile(path: string): { readonly content: Uint8Array; readonly mode: number } | undefined;
}

/** Files the engines write for each container: what they hold at the start is enough, so they need no share. */
const broughtFiles = new Set([
  "/etc/hosts",
  "/etc/hostname",
  "/etc/resolv.conf",
  "/run/.containerenv",
  "/sbin/docker-init",
]);
/** These are the guest's own, whatever the host has there. */
const guestKinds = new Set(["proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"]);

/** The mounts of an OCI configuration, in its order. */
export function planMounts(mounts: readonly OciMount[], source: MountSource, firstShare = 0): MountPlan {
  const shares: Share[] = [];
  const files: Buffer[] = [];
  const fields = mounts.flatMap((mount) => {
    if (mount.destination === "/dev/shm") return [guestMount(asSharedMemory(mount))];
    if (guestKinds.has(mount.type)) return [guestMount(mount)];
    const file = broughtFiles.has(mount.destination) ? source.smallFile(mount.source) : undefined;
    if (file) {
      files.push(field(fieldTag.file, Buffer.concat([u32(file.mode), texts(mount.destination), file.content])));
      return files.slice(-1);
    }
    const options = mount.options ?? [];
    const readonly = options.some((option) => option === "ro" || option === "rro");
    const follows = options.some((option) => /^r?(slave|shared)$/.test(option));
    const name = String(firstShare + shares.push({ path: mount.source, readonly, follows }) - 1);
    const { flags } = parseOptions(options);
    return [field(fieldTag.share, Buffer.concat([u64(flags), texts(name, mount.destination)]))];
  });
  return { fields, files, shares };
}

/** Memory cannot be shared with the host's instances, so it is the guest's own of the same size. */
function asSharedMemory(mount: OciMount): OciMount {
  if (mount.type === "tmpfs") return mount;
  return { ...mount, type: "tmpfs", source: "shm", options: ["nosuid", "noexec", "nodev", "mode=1777", "size=64m"] };
}

function guestMount({ type, source, destination, options }: OciMount): Buffer {
  const { flags, data } = parseOptions(options ?? []);
  const unified = type === "cgroup" || type === "cgroup2";
  const kind = unified ? "cgroup2" : type;
  return field(
    fieldTag.mount,
    Buffer.concat([u64(flags), texts(kind, unified ? "cgroup2" : source || type, destination, unified ? "" : data)]),
  );
}

const flagNames: Readonly<Record<string, number>> = {
  ro: 1,
  rro: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  sync: 16,
  dirsync: 128,
  noatime: 1024,
  nodiratime: 2048,
  rbind: 16384,
  relatime: 1 << 21,
  strictatime: 1 << 24,
};
const withoutMeaning = new Set([
  ..."bind rw suid dev exec async atime defaults private rprivate shared rshared slave rslave unbindable".split(" "),
  ...["runbindable", "tmpcopyup", "copy", "nocopy", "z", "Z", "U", "norelatime"],
]);

/** Mount options as the kernel's flags, and what is left for the file system. */
export function parseOptions(options: readonly string[]): { flags: bigint; data: string } {
  let flags = 0;
  const data: string[] = [];
  for (const option of options) {
    const flag = flagNames[option];
    if (flag !== undefined) flags |= flag;
    else if (!withoutMeaning.has(option)) data.push(option);
  }
  return { flags: BigInt(flags >>> 0), data: data.join(",") };
}
