import {
  appendFileSync,
  chmodSync,
  chownSync,
  createReadStream,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  realpathSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { invalid, isErrno } from "../../../base/error.ts";
import type { Machine, NetworkCounters } from "../../../core/machine.ts";
import type { OciDevice } from "../../../core/oci-spec.ts";
import { readTextIfPresent } from "../../../os/files.ts";
import { followInRoot, isDirectoryInRoot, makeDirectoryInRoot, readTextInRoot } from "../../../os/in-root.ts";
import { mount, mountFlag, unmount } from "../../../os/mount.ts";
import { isAlive } from "../../../os/proc.ts";
import { runOk } from "../../../os/process.ts";
import { readCgroup } from "./cgroup.ts";
import { readFacts } from "./facts.ts";

/** This machine, through /proc, /sys and /dev. */
export function createLinuxMachine(): Machine {
  const facts = readFacts();
  return {
    facts,
    devices: listDevices,
    allDevices: () => listDevices("/dev").filter(({ path }) => !skipped.test(path)),
    blockDevice,
    pathKind,
    makeDirectory: (path) => void mkdirSync(path, { recursive: true }),
    realPath: (path) => realpathSync(path),
    readText: readTextIfPresent,
    readTextInRoot: (root, path) => readTextInRoot(root, path),
    makeDirectoryInRoot,
    followInRoot,
    isDirectoryInRoot,
    writeFile(path, content) {
      mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
      writeFileSync(path, content);
    },
    appendFile(path, content) {
      mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
      appendFileSync(path, content, { mode: 0o600 });
    },
    listDirectory: (path) => (existsSync(path) ? readdirSync(path) : []),
    saveWhileRead,
    openFile: (path, range = undefined) => createReadStream(path, { highWaterMark: 1 << 20, ...range }),
    freeBytes(path) {
      const { bavail, bsize } = statfsSync(path);
      return bavail * bsize;
    },
    setOwner(path, { uid, gid, mode }) {
      chownSync(path, uid, gid);
      chmodSync(path, mode);
    },
    makeLink: (path, target) => symlinkSync(target, path),
    mountMemory(path, bytes) {
      mkdirSync(path, { recursive: true });
      unmount(path);
      const flags = mountFlag.nosuid | mountFlag.nodev | mountFlag.noexec;
      mount({ source: "shm", target: path, type: "tmpfs", flags, data: `mode=1777,size=${bytes}` });
    },
    unmount,
    ownStreams,
    processAlive: isAlive,
    removeTree: (path) => rm(path, { recursive: true, force: true }),
    cgroup: (path) => readCgroup(path, facts.cgroupVersion),
    networkCounters,
    processTable: (args) => runOk("ps", args),
  };
}

function ownStreams(pid: number, uid: number): void {
  for (const stream of [0, 1, 2]) {
    const path = `/proc/${pid}/fd/${stream}`;
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFIFO()) chownSync(path, uid, stat.gid);
  }
}

/** Mounts of their own in every instance, or the terminals of other sessions. */
const skipped = /^\/dev\/(pts|shm|mqueue|fd|console|\.)/;

function pathKind(path: string): "directory" | "other" | undefined {
  try {
    return statSync(path).isDirectory() ? "directory" : "other";
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

const majorOf = (device: number): number => ((device >> 8) & 0xfff) | (Math.floor(device / 2 ** 32) & ~0xfff);
const minorOf = (device: number): number => (device & 0xff) | ((device >> 12) & 0xfff00);

function listDevices(path: string): OciDevice[] {
  if (!existsSync(path))
    throw invalid(`error gathering device information while adding custom device "${path}": no such file or directory`);
  const stat = statSync(path);
  if (stat.isDirectory()) return readdirSync(path).flatMap((name) => deviceBelow(join(path, name)));
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) {
    throw invalid(`error gathering device information while adding custom device "${path}": not a device node`);
  }
  return [deviceOf(path, stat)];
}

function deviceBelow(path: string): OciDevice[] {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) return readdirSync(path).flatMap((name) => deviceBelow(join(path, name)));
  return stat && (stat.isCharacterDevice() || stat.isBlockDevice()) ? [deviceOf(path, stat)] : [];
}

function deviceOf(path: string, stat: ReturnType<typeof statSync> & object): OciDevice {
  const { rdev, mode, uid, gid } = stat as { rdev: number; mode: number; uid: number; gid: number };
  const type = (mode & 0o170000) === 0o060000 ? "b" : "c";
  return { path, type, major: majorOf(rdev), minor: minorOf(rdev), fileMode: mode & 0o7777, uid, gid };
}

function blockDevice(path: string): { major: number; minor: number } {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat?.isBlockDevice()) throw invalid(`${path} is not a block device`);
  return { major: majorOf(stat.rdev), minor: minorOf(stat.rdev) };
}

/** Counters of a process' network namespace, loopback left out. */
function networkCounters(pid: number): NetworkCounters[] {
  const text = readTextIfPresent(`/proc/${pid}/net/dev`) ?? "";
  return text
    .split("\n")
    .slice(2)
    .flatMap((line) => {
      const [name = "", rest = ""] = line.split(":");
      const n = rest.trim().split(/\s+/).map(Number);
      if (n.length < 12 || name.trim() === "lo") return [];
      return [
        {
          name: name.trim(),
          rxBytes: n[0]!,
          rxPackets: n[1]!,
          rxErrors: n[2]!,
          rxDropped: n[3]!,
          txBytes: n[8]!,
          txPackets: n[9]!,
          txErrors: n[10]!,
          txDropped: n[11]!,
        },
      ];
    });
}

async function* saveWhileRead(path: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  mkdirSync(join(path, ".."), { recursive: true, mode: 0o700 });
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of source) {
      // Written beside the reader's own work on the chunk.
      const written = file.writeFile(chunk);
      yield chunk;
      await written;
    }
  } finally {
    await file.close();
  }
}
