import { existsSync, statfsSync } from "node:fs";
import { release, totalmem } from "node:os";
import { readTextIfPresent } from "../os/files.ts";
import { listMounts } from "../os/mount.ts";
import { type Finding, found, lacking, type Requirement } from "./requirement.ts";

const oldestKernel = [5, 10] as const;
/** Its overlayfs takes layers whose ids are mapped. */
const mappingKernel = [5, 19] as const;
const wantedNamespaces = ["mnt", "pid", "net", "ipc", "uts", "user", "cgroup"];
const leastDiskBytes = 2 * 2 ** 30;
const leastMemoryBytes = 512 * 2 ** 20;

/** What isle uses of the kernel and of the hardware. No package brings these. */
export const kernelRequirements: readonly Requirement[] = [
  { name: "Linux", why: "run at all: 5.10 or newer", needed: true, look: lookAtKernel },
  { name: "overlayfs", why: "share image layers between containers", needed: true, look: lookAtOverlay },
  { name: "namespaces", why: "separate containers", needed: true, look: lookAtNamespaces },
  {
    name: "mapped layers",
    why: "run steps of builds as users that are nobody here: Linux 5.19 or newer",
    needed: false,
    look: () =>
      isKernelFrom(mappingKernel) ? found("in this kernel; isle info says what was found") : lacking(release()),
  },
  { name: "cgroups", why: "limit and measure containers", needed: true, look: lookAtCgroups },
  {
    name: "IPv4 forwarding",
    why: "route to containers; the daemon turns it on",
    needed: false,
    look: () => setting("/proc/sys/net/ipv4/ip_forward", "1", "off: turned on with the first bridge network"),
  },
  {
    name: "AppArmor",
    why: "confine containers further",
    needed: false,
    look: () => setting("/sys/module/apparmor/parameters/enabled", "Y", "not in this kernel"),
  },
  {
    name: "SELinux",
    why: "confine containers further",
    needed: false,
    look: () => (existsSync("/sys/fs/selinux/enforce") ? found("on") : lacking("not in this kernel")),
  },
  {
    name: "/dev/kvm",
    why: "speed up virtual machines (not in this version)",
    needed: false,
    look: () => (existsSync("/dev/kvm") ? found("present, not tried") : lacking("absent")),
  },
  { name: "free disk", why: "keep images: 2 GiB or more", needed: false, look: lookAtDisk },
  { name: "memory", why: "run containers: 512 MiB or more", needed: false, look: lookAtMemory },
];

function lookAtKernel(): Finding {
  return { present: isKernelFrom(oldestKernel), detail: release() };
}

function isKernelFrom([wantedMajor, wantedMinor]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = release().split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

function lookAtOverlay(): Finding {
  const known = /\boverlay$/m.test(readTextIfPresent("/proc/filesystems") ?? "");
  const module = existsSync(`/lib/modules/${release()}/kernel/fs/overlayfs`);
  if (known) return found("in the kernel");
  return module ? found("as a module, loaded on first use") : lacking("not in this kernel");
}

function lookAtNamespaces(): Finding {
  const absent = wantedNamespaces.filter((name) => !existsSync(`/proc/self/ns/${name}`));
  return absent.length === 0 ? found("all") : lacking(`without ${absent.join(", ")}`);
}

function lookAtCgroups(): Finding {
  const types = new Set(
    listMounts()
      .filter(({ target }) => target === "/sys/fs/cgroup" || target.startsWith("/sys/fs/cgroup/"))
      .map(({ type }) => type),
  );
  if (types.has("cgroup") && types.has("cgroup2")) {
    return found("hybrid: version 1 limits; the daemon hides the version 2 tree from crun");
  }
  if (types.has("cgroup2")) return found(`version 2: ${controllers()}`);
  return types.has("cgroup") ? found("version 1") : none();
}

const none = (): Finding => lacking("nothing is mounted on /sys/fs/cgroup");

const controllers = (): string => (readTextIfPresent("/sys/fs/cgroup/cgroup.controllers") ?? "").trim();

function setting(path: string, on: string, off: string): Finding {
  return (readTextIfPresent(path) ?? "").startsWith(on) ? found("on") : lacking(off);
}

function lookAtDisk(): Finding {
  const directory = existsSync("/var/lib/isle") ? "/var/lib/isle" : "/var/lib";
  const { bavail, bsize } = statfsSync(directory);
  const free = bavail * bsize;
  return { present: free >= leastDiskBytes, detail: `${inGiB(free)} in ${directory}` };
}

function lookAtMemory(): Finding {
  return { present: totalmem() >= leastMemoryBytes, detail: inGiB(totalmem()) };
}

const inGiB = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
