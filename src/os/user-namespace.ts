import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Readable, Writable } from "node:stream";
import { libc } from "./libc.ts";
import { mount, mountFlag, unmount } from "./mount.ts";
import { attachMount, cloneMount, mapMountIds } from "./move-mount.ts";
import { runOk, start } from "./process.ts";

export interface IdRange {
  /** Id of the machine that 0 inside is. */
  readonly first: number;
  readonly count: number;
}

/** Makes a user namespace, which lives on as a file at `path`. */
export async function makeUserNamespace(path: string, { first, count }: IdRange): Promise<void> {
  removeNamespace(path);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // A process of many threads cannot enter a user namespace, so another one makes it.
  await whileHeld("unshare", ["--user", "--", "cat"], (pid) => {
    for (const kind of ["uid", "gid"]) writeFileSync(`/proc/${pid}/${kind}_map`, `0 ${first} ${count}\n`);
    keepNamespace(`/proc/${pid}/ns/user`, path);
  });
}

/** Makes a network namespace that belongs to a user namespace, so that root in that one rules it. */
export async function makeNetnsOf(userNamespace: string, path: string): Promise<void> {
  const command = [`--user=${userNamespace}`, "--", "unshare", "--net", "--", "cat"];
  await whileHeld("nsenter", command, (pid) => keepNamespace(`/proc/${pid}/ns/net`, path));
}

/** Fails with the kernel's words where a workload in such a namespace could not have /proc and /sys of its own. */
export async function tryKernelFiles(userNamespace: string): Promise<void> {
  const mounts = "mount -t proc proc /proc && mount -t sysfs sysfs /sys";
  const apart = ["unshare", "--net", "--mount", "--pid", "--fork", "--", "sh", "-c", mounts];
  await runOk("nsenter", [`--user=${userNamespace}`, "--", ...apart]);
}

/** Shows a directory at `target` with the ids that its files have for those in the namespace. */
export function mountMapped(source: string, target: string, userNamespace: string): void {
  const namespace = openSync(userNamespace, "r");
  try {
    const tree = cloneMount(source, "alone");
    try {
      mapMountIds(tree, namespace);
      attachMount(tree, target);
    } finally {
      closeSync(tree);
    }
  } finally {
    closeSync(namespace);
  }
}

export function removeNamespace(path: string): void {
  unmount(path);
  rmSync(path, { force: true });
}

function keepNamespace(source: string, path: string): void {
  writeFileSync(path, "");
  mount({ source, target: path, flags: mountFlag.bind });
}

/** Runs a command that ends in `cat`: when it gives back what it got, everything before has happened. */
async function whileHeld(program: string, args: readonly string[], work: (pid: number) => void): Promise<void> {
  const child = start(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  const [input, output, errors] = [child.stdin as Writable, child.stdout as Readable, child.stderr as Readable];
  let said = "";
  errors.on("data", (data: Buffer) => {
    said += data;
  });
  input.on("error", () => {});
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  try {
    await new Promise<void>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", () => reject(new Error(said.trim() || `${program} ended`)));
      output.once("data", () => resolve());
      input.write("\n");
    });
    work(child.pid!);
  } finally {
    input.end();
    await ended;
  }
}

const capabilityVersion = 0x20080522;

/**
 * Runs `work` with files made as this user and group of the machine, and with all rights of root. The ids are the thread's, and
 * everything here is synchronous: no other code sees them.
 */
export function makingFilesAs<T>(id: number, work: () => T): T {
  const header = new Uint32Array([capabilityVersion, 0]);
  const rights = new Uint32Array(6);
  libc.capget(header, rights);
  libc.setfsgid(id);
  libc.setfsuid(id);
  try {
    // Another user than root would have lost the rights over files.
    libc.capset(header, rights);
    return work();
  } finally {
    libc.setfsuid(0);
    libc.setfsgid(0);
  }
}
