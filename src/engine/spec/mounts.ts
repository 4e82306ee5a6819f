import type { OciMount } from "../../core/oci-spec.ts";

const systemMounts = (shmBytes: number): OciMount[] => [
  { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev",
    type: "tmpfs",
    source: "tmpfs",
    options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
  },
  {
    destination: "/dev/pts",
    type: "devpts",
    source: "devpts",
    options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
  },
  { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", "ro"] },
  { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro", "nosuid", "noexec", "nodev"] },
  { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: ["nosuid", "noexec", "nodev"] },
  {
    destination: "/dev/shm",
    type: "tmpfs",
    source: "shm",
    options: ["nosuid", "noexec", "nodev", "mode=1777", `size=${shmBytes}`],
  },
];

interface MountWish {
  readonly user: readonly OciMount[];
  /** Files the engine writes: hosts, hostname, resolv.conf. */
  readonly files: readonly OciMount[];
  readonly shm: { readonly bytes: number } | { readonly bind: string } | "none";
  readonly privileged: boolean;
}

/** All mounts, parents before children; a mount of the user's replaces ours on the same path. */
export function planMounts(wish: MountWish): OciMount[] {
  const taken = new Set(wish.user.map(({ destination }) => destination));
  const ours = [...systemMounts("bytes" in Object(wish.shm) ? (wish.shm as { bytes: number }).bytes : 0), ...wish.files]
    .filter(({ destination }) => !taken.has(destination))
    .filter(({ destination }) => !(destination === "/dev/mqueue" && wish.shm === "none"))
    .flatMap((mount) => adapt(mount, wish));
  return [...ours, ...sortByDepth(wish.user)];
}

function adapt(mount: OciMount, wish: MountWish): OciMount[] {
  if (mount.destination === "/dev/shm") return adaptShm(mount, wish);
  const system = mount.destination === "/sys" || mount.destination === "/sys/fs/cgroup";
  if (wish.privileged && system) return [{ ...mount, options: mount.options.filter((option) => option !== "ro") }];
  return [mount];
}

function adaptShm(mount: OciMount, { shm }: MountWish): OciMount[] {
  if (shm === "none") return [];
  if ("bytes" in shm) return [mount];
  return [
    {
      destination: "/dev/shm",
      type: "bind",
      source: shm.bind,
      options: ["rbind", "rprivate", "nosuid", "noexec", "nodev"],
    },
  ];
}

const depth = (path: string): number => path.split("/").filter(Boolean).length;
const sortByDepth = (mounts: readonly OciMount[]): OciMount[] =>
  [...mounts].sort((a, b) => depth(a.destination) - depth(b.destination));
