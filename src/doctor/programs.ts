import { existsSync } from "node:fs";
import { findProgram } from "../os/find-program.ts";
import { found, lacking, type Requirement } from "./requirement.ts";

interface ProgramRequirement extends Omit<Requirement, "look"> {
  /** Any of these will do; the first that is there is shown. */
  readonly programs: readonly string[];
}

const programTable: readonly ProgramRequirement[] = [
  { name: "crun", why: "start containers", needed: false, debianPackage: "crun", programs: ["crun"] },
  { name: "runc", why: "start containers where crun cannot", needed: false, debianPackage: "runc", programs: ["runc"] },
  {
    name: "OCI runtime",
    why: "start containers: crun or runc",
    needed: true,
    debianPackage: "crun",
    programs: ["crun", "runc"],
  },
  {
    name: "conmon",
    why: "supervise containers without the daemon",
    needed: true,
    debianPackage: "conmon",
    programs: ["conmon"],
  },
  { name: "nft", why: "publish ports and masquerade", needed: true, debianPackage: "nftables", programs: ["nft"] },
  {
    name: "iproute2",
    why: "look at networks by hand and in the tests",
    needed: false,
    debianPackage: "iproute2",
    programs: ["ip"],
  },
  {
    name: "catatonit",
    why: "be the init of --init",
    needed: false,
    debianPackage: "catatonit",
    programs: ["catatonit", "docker-init", "tini"],
  },
  {
    name: "mkfs.ext4",
    why: "limit the size of volumes",
    needed: false,
    debianPackage: "e2fsprogs",
    programs: ["mkfs.ext4"],
  },
  { name: "ps", why: "list the processes of isle top", needed: false, debianPackage: "procps", programs: ["ps"] },
  {
    name: "qemu",
    why: "run microVMs",
    needed: false,
    debianPackage: "qemu-system-x86",
    programs: ["qemu-system-x86_64", "qemu-system-aarch64"],
  },
  {
    name: "mkfs.erofs",
    why: "make images into disks of microVMs",
    needed: false,
    debianPackage: "erofs-utils",
    programs: ["mkfs.erofs"],
  },
  {
    name: "mke2fs",
    why: "make writable disks of microVMs",
    needed: false,
    debianPackage: "e2fsprogs",
    programs: ["mke2fs"],
  },
  { name: "git", why: "build from repositories", needed: false, debianPackage: "git", programs: ["git"] },
  {
    name: "ssh",
    why: "build from repositories over ssh",
    needed: false,
    debianPackage: "openssh-client",
    programs: ["ssh"],
  },
  { name: "xz", why: "read archives compressed with xz", needed: false, debianPackage: "xz-utils", programs: ["xz"] },
  {
    name: "bzip2",
    why: "read archives compressed with bzip2",
    needed: false,
    debianPackage: "bzip2",
    programs: ["bzip2"],
  },
  {
    name: "mmdebstrap",
    why: "make Debian and Ubuntu images from packages",
    needed: false,
    debianPackage: "mmdebstrap",
    programs: ["mmdebstrap"],
  },
];

/** Programs for more isolations: told, never installed. */
const laterTable: readonly ProgramRequirement[] = [
  {
    name: "runsc",
    why: "run sandboxes (package runsc; on Debian 12 from bookworm-backports)",
    needed: false,
    programs: ["runsc"],
  },
];

const busyboxList = "/var/lib/dpkg/info/busybox-static.list";
const seccompFiles = ["/usr/share/containers/seccomp.json", "/etc/containers/seccomp.json"];

export const programRequirements: readonly Requirement[] = [
  ...programTable.map(requirement),
  {
    name: "seccomp profile",
    why: "confine the system calls of containers",
    needed: false,
    debianPackage: "golang-github-containers-common",
    look: () => {
      const file = seccompFiles.find((path) => existsSync(path));
      return file ? found(file) : lacking("containers run without a system call filter");
    },
  },
  {
    name: "busybox-static",
    why: "make the busybox image without a registry",
    needed: false,
    debianPackage: "busybox-static",
    // Any other busybox in the PATH may need libraries, which an image of one file has not.
    look: () => (existsSync(busyboxList) ? found("installed") : lacking("not installed")),
  },
  ...laterTable.map(requirement),
];

function requirement({ programs, ...rest }: ProgramRequirement): Requirement {
  return {
    ...rest,
    look: () => {
      const path = programs.map(findProgram).find((one) => one !== undefined);
      return path ? found(path) : lacking("not installed");
    },
  };
}
