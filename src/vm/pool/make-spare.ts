import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { IsleError } from "../../base/error.ts";
import { makeDisk } from "../disk.ts";
import { FrameReader } from "../frame-reader.ts";
import { frameType } from "../generated/protocol.ts";
import type { GuestKernel } from "../kernel/kernels.ts";
import { launchMachine } from "../launch.ts";
import { defaultDiskBytes } from "../machine.ts";
import { connectIn, openMonitor } from "../monitor.ts";
import { machineFiles, machineUser } from "../places.ts";
import { frame } from "../plan/fields.ts";
import type { MachineShape } from "../qemu/arguments.ts";
import { failureOf } from "../relay-client.ts";
import { goOn } from "../template/go-on.ts";
import type { Template } from "../template/template.ts";
import { readyDirectory, type Spare, spareFile } from "./spare.ts";

export interface SpareWish {
  readonly key: string;
  readonly shape: MachineShape;
  readonly kernel: GuestKernel;
  readonly template: Template;
  readonly image: string;
  /** Fields of the rehearsal. */
  readonly rehearsal: Buffer;
}

export interface SparePlaces {
  /** Sockets. */
  readonly pool: string;
  /** Writable disks, on the file system where instances are. */
  readonly disks: string;
}

/** A spare that is ready, and what keeps it alive. */
export interface HeldSpare {
  readonly name: string;
  readonly life: Socket;
  readonly disk: string;
}

/** Lets a machine go on from the template, has it rehearse a start, and stops it. */
export async function makeSpare(wish: SpareWish, places: SparePlaces): Promise<HeldSpare> {
  for (const directory of [places.pool, places.disks, readyDirectory(places.pool)]) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  }
  const making = mkdtempSync(join(places.pool, "making-"));
  const name = `${wish.key}.${making.split("-").at(-1)}`;
  const disk = join(places.disks, name);
  let life: Socket | undefined;
  try {
    await makeDisk(disk, defaultDiskBytes, machineUser);
    const { shape, kernel, template, image } = wish;
    const launched = await launchMachine({
      directory: making,
      shape,
      start: { kind: "restore" },
      files: { kernel, image, disk, ...template },
      cgroups: [],
      user: machineUser,
    });
    life = await connectIn(making, machineFiles.life);
    await rehearse(making, wish);
    const spare: Spare = { ...launched, disk, helpers: [], goesOn: false };
    writeFileSync(join(making, spareFile), JSON.stringify(spare));
    renameSync(making, join(readyDirectory(places.pool), name));
    return { name, life, disk };
  } catch (error) {
    life?.destroy();
    rmSync(making, { recursive: true, force: true });
    rmSync(disk, { force: true });
    throw error;
  }
}

async function rehearse(directory: string, { shape, rehearsal }: SpareWish): Promise<void> {
  const guest = await connectIn(directory, machineFiles.guest);
  const monitor = await openMonitor(await connectIn(directory, machineFiles.monitor));
  try {
    const answer = answered(guest);
    answer.catch(() => {});
    await Promise.race([goOn(monitor, shape), answer]);
    // Not before: a machine that is being restored takes no words.
    guest.write(frame(frameType.rehearse, rehearsalStream, rehearsal));
    await answer;
    await monitor.ask("stop");
  } finally {
    guest.destroy();
    monitor.close();
  }
}

const patienceMs = 60_000;
const rehearsalStream = 2;

function answered(guest: Socket): Promise<void> {
  const reader = new FrameReader();
  return new Promise((resolve, reject) => {
    const fail = (text: string) => reject(new IsleError("internal", `a spare microVM did not rehearse: ${text}`));
    const timer = setTimeout(() => fail("it did not answer"), patienceMs);
    guest.on("data", (chunk: Buffer) => {
      for (const answer of reader.push(chunk)) {
        if (answer.type === frameType.done) resolve();
        if (answer.type === frameType.failed) fail(failureOf(answer).text);
      }
    });
    guest.once("close", () => {
      clearTimeout(timer);
      fail("it ended");
    });
  });
}
