import { createHash } from "node:crypto";
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { IsleError } from "../../base/error.ts";
import { FrameReader } from "../frame-reader.ts";
import { frameType } from "../generated/protocol.ts";
import type { GuestKernel } from "../kernel/kernels.ts";
import { launchMachine } from "../launch.ts";
import { connectIn, openMonitor } from "../monitor.ts";
import { machineFiles } from "../places.ts";
import { diskBytes, type MachineShape, templateShape } from "../qemu/arguments.ts";
import { saveMachine } from "../saved/save-machine.ts";
import { templateKey } from "./key.ts";

/** A virtual machine that has booted and waits for its first order, as files from which others go on. */
export interface Template {
  readonly key: string;
  readonly memory: string;
  readonly state: string;
}

export interface TemplateWish {
  readonly directory: string;
  readonly shape: MachineShape;
  readonly kernel: GuestKernel;
  readonly domain: string;
  readonly user: number;
}

interface Manifest {
  readonly memoryBytes: number;
  readonly stateDigest: string;
}

const digestOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** The template for the wish when it is there and whole. A damaged one is taken away, to be made anew. */
export function findTemplate(wish: TemplateWish): Template | undefined {
  const key = templateKey(wish.shape, wish.kernel, wish.domain);
  const place = join(wish.directory, key);
  if (!existsSync(place)) return undefined;
  const [memory, state] = [join(place, "memory"), join(place, "state")];
  try {
    const manifest = JSON.parse(readFileSync(join(place, "manifest.json"), "utf8")) as Manifest;
    const isWhole =
      statSync(memory).size === manifest.memoryBytes && digestOf(readFileSync(state)) === manifest.stateDigest;
    if (isWhole) return { key, memory, state };
  } catch {
    // A file is missing: not whole.
  }
  rmSync(place, { recursive: true, force: true });
  return undefined;
}

const bootPatienceMs = 120_000;

/** Boots a machine on a memory file, stops it when its agent waits for orders, and keeps memory and device state. */
export async function makeTemplate(wish: TemplateWish): Promise<Template> {
  const key = templateKey(wish.shape, wish.kernel, wish.domain);
  mkdirSync(wish.directory, { recursive: true, mode: 0o711 });
  const making = mkdtempSync(join(wish.directory, ".making-"));
  try {
    const manifest = await record(wish, making);
    for (const name of readdirSync(making))
      if (!["memory", "state"].includes(name)) rmSync(join(making, name), { recursive: true });
    writeFileSync(join(making, "manifest.json"), JSON.stringify(manifest));
    const place = join(wish.directory, key);
    rmSync(place, { recursive: true, force: true });
    renameSync(making, place);
    return { key, memory: join(place, "memory"), state: join(place, "state") };
  } catch (error) {
    rmSync(making, { recursive: true, force: true });
    throw error;
  }
}

async function record({ shape, kernel, user }: TemplateWish, making: string): Promise<Manifest> {
  const memoryBytes = shape.memoryMiB * 2 ** 20;
  const [memory, state, blank] = ["memory", "state", "blank"].map((name) => join(making, name)) as [
    string,
    string,
    string,
  ];
  for (const [path, bytes] of [
    [memory, memoryBytes],
    [state, 0],
    [blank, diskBytes],
  ] as const) {
    closeSync(openSync(path, "w", 0o600));
    truncateSync(path, bytes);
    chownSync(path, user, user);
  }
  await launchMachine({
    directory: making,
    shape: { ...shape, ...templateShape },
    start: { kind: "template" },
    files: { kernel, image: blank, disk: blank, memory },
    cgroups: [],
    user,
  });
  const life = await connectIn(making, machineFiles.life);
  const guest = await connectIn(making, machineFiles.guest);
  try {
    await greeting(guest);
    const monitor = await openMonitor(await connectIn(making, machineFiles.monitor));
    await monitor.ask("stop");
    await saveMachine(monitor, { directory: making, into: { memory, state }, memoryBytes, durable: false });
    monitor.close();
  } finally {
    guest.destroy();
    life.destroy();
  }
  return { memoryBytes, stateDigest: digestOf(readFileSync(state)) };
}

/** Resolves when the agent has said that it is up. */
export function greeting(guest: Socket, patienceMs = bootPatienceMs): Promise<void> {
  const reader = new FrameReader();
  return new Promise((resolve, reject) => {
    const fail = () => reject(new IsleError("internal", "a microVM did not boot", { hint: "see isle kernel ls" }));
    const timer = setTimeout(fail, patienceMs);
    guest.on("data", (chunk: Buffer) => {
      if (!reader.push(chunk).some(({ type }) => type === frameType.hello)) return;
      clearTimeout(timer);
      resolve();
    });
    guest.once("close", () => {
      clearTimeout(timer);
      fail();
    });
  });
}

/** Removes what an earlier process left half-made, and templates that no machine would ever be restored from. */
export function sweepTemplates(directory: string): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    if (name.startsWith(".making-")) rmSync(join(directory, name), { recursive: true, force: true });
  }
}
