import { existsSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { invalid } from "../base/error.ts";
import type { OciSpec } from "../core/oci-spec.ts";
import { annotation } from "./annotations.ts";
import { joinCgroups } from "./cgroup.ts";
import { blankDisk, makeDisk } from "./disk.ts";
import type { GuestKernel } from "./kernel/kernels.ts";
import { launchMachine } from "./launch.ts";
import { connectIn, monitorLine } from "./monitor.ts";
import { machineFiles, machineUser } from "./places.ts";
import type { Share } from "./plan/mounts.ts";
import type { Spare } from "./pool/spare.ts";
import { diskBytes, type MachineShape } from "./qemu/arguments.ts";
import type { SavedFiles } from "./saved/save-machine.ts";
import { startShares } from "./shares.ts";
import { letGoOn } from "./template/go-on.ts";
import { findTemplate } from "./template/template.ts";

export const defaultDiskBytes = 10 * 2 ** 30;
const leastDiskBytes = 32 << 20;

export interface Wanted {
  readonly directory: string;
  readonly templates: string;
  readonly shape: MachineShape;
  readonly kernel: GuestKernel;
  readonly cgroups: readonly string[];
  readonly shares: readonly Share[];
  readonly spec: OciSpec;
  readonly image: string | undefined;
  /** One that is in the directory already. */
  readonly spare: Spare | undefined;
  /** One that was saved, to go on. */
  readonly saved: SavedFiles | undefined;
}

export interface Machine {
  readonly keeper: number;
  readonly machine: number;
  readonly helpers: readonly number[];
}

/** A virtual machine of the wanted shape: one that waits, or one that goes on from a template, or one that boots. */
export async function bringUpMachine(wanted: Wanted): Promise<Machine> {
  const { directory, cgroups, spec, spare } = wanted;
  const disk = annotation(spec, "disk") ?? join(directory, "disk");
  if (spare) {
    if (spare.disk !== disk) renameSync(spare.disk, disk);
    joinCgroups(cgroups, [spare.keeper, spare.machine, ...spare.helpers]);
    if (!spare.goesOn) writeFileSync(join(directory, machineFiles.first), `${monitorLine("cont")}\n`);
    return { keeper: spare.keeper, machine: spare.machine, helpers: spare.helpers };
  }
  if (!existsSync(disk)) await makeDisk(disk, diskBytesOf(spec), machineUser);
  const helpers = wanted.shares.length > 0 ? await startShares(directory, wanted.shares, cgroups) : [];
  return { ...(await launch(wanted, disk)), helpers };
}

export function diskBytesOf(spec: OciSpec): number {
  const asked = Number(annotation(spec, "disk-size") ?? defaultDiskBytes);
  if (asked >= leastDiskBytes && asked <= diskBytes) return asked;
  throw invalid(`a microVM's disk has between ${leastDiskBytes >> 20} MiB and ${diskBytes / 2 ** 30} GiB`);
}

async function launch(wanted: Wanted, disk: string) {
  const { directory, templates, shape, kernel, cgroups, spec, image, saved } = wanted;
  const domain = annotation(spec, "domain") ?? defaultDomain;
  const wish = { directory: templates, shape, kernel, domain, user: machineUser };
  const template = saved ?? findTemplate(wish);
  const launched = await launchMachine({
    directory,
    shape,
    start: template ? { kind: "restore", still: saved !== undefined } : { kind: "boot" },
    files: { kernel, image: image ?? blankDisk(), disk, ...template },
    cgroups,
    user: machineUser,
  });
  // Until the relay has taken it, the machine lives as long as this process.
  (await connectIn(directory, machineFiles.life)).unref();
  if (template) await letGoOn(directory, shape);
  return launched;
}

/** Whoever says nothing is in one domain with all who say nothing. */
export const defaultDomain = "default";
