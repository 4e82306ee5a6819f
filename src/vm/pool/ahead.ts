import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { makeDisk } from "../disk.ts";
import type { GuestKernel } from "../kernel/kernels.ts";
import { launchMachine } from "../launch.ts";
import { connectIn, openMonitor } from "../monitor.ts";
import { machineFiles, machineUser } from "../places.ts";
import type { Share } from "../plan/mounts.ts";
import type { MachineShape } from "../qemu/arguments.ts";
import type { SavedFiles } from "../saved/save-machine.ts";
import { startShares } from "../shares.ts";
import { goOn } from "../template/go-on.ts";
import { readSpare, type Spare, spareFile } from "./spare.ts";

/** What one start needs. */
export interface AheadWish {
  readonly shape: MachineShape;
  readonly kernel: GuestKernel;
  readonly template: SavedFiles;
  /** It was saved with a workload, which stands until it is told to go on. */
  readonly still: boolean;
  readonly image: string;
  /** Where the writable disk is, or is to be with this size. */
  readonly disk: string;
  readonly diskBytes: number;
  readonly shares: readonly Share[];
}

/** Where the runtime looks for a machine that was started for the workload of this id. */
const placeOf = (pool: string, id: string): string => join(pool, "ahead", id);

/**
 * Lets a machine go on from its template for one workload while supervisor and runtime are still being started, which
 * takes as long. The returned function ends it, unless the runtime has taken it by then.
 */
export function startAhead(pool: string, id: string, wish: AheadWish): () => void {
  const place = placeOf(pool, id);
  rmSync(place, { recursive: true, force: true });
  // The runtime waits for the machine while this directory is there.
  mkdirSync(place, { recursive: true, mode: 0o700 });
  const remove = () => rmSync(place, { recursive: true, force: true });
  const life = bringUp(place, wish).catch(() => remove());
  return () => {
    remove();
    void life.then((socket) => socket?.destroy());
  };
}

async function bringUp(place: string, wish: AheadWish): Promise<Socket> {
  const { shape, kernel, template, image, disk, shares, still } = wish;
  if (!existsSync(disk)) await makeDisk(disk, wish.diskBytes, machineUser);
  const helpers = shape.shared ? await startShares(place, shares, []) : [];
  const launched = await launchMachine({
    directory: place,
    shape,
    start: { kind: "restore", still },
    files: { kernel, image, disk, ...template },
    cgroups: [],
    user: machineUser,
  });
  const [life, control] = await Promise.all([
    connectIn(place, machineFiles.life),
    connectIn(place, machineFiles.monitor),
  ]);
  const spare: Spare = { ...launched, disk, helpers, goesOn: true };
  writeFileSync(join(place, `${spareFile}.new`), JSON.stringify(spare));
  renameSync(join(place, `${spareFile}.new`), join(place, spareFile));
  const monitor = await openMonitor(control);
  await goOn(monitor, shape);
  monitor.close();
  return life;
}

const patienceMs = 10_000;
const lookMs = 2;

/** Takes the machine that is being started for the workload, if there is one, by giving its directory another name. */
export async function claimAhead(pool: string, id: string, directory: string): Promise<Spare | undefined> {
  const place = placeOf(pool, id);
  for (const deadline = Date.now() + patienceMs; Date.now() < deadline && existsSync(place); await pause(lookMs)) {
    if (!existsSync(join(place, spareFile))) continue;
    renameSync(place, directory);
    return readSpare(directory);
  }
  return undefined;
}
