import { existsSync } from "node:fs";
import { join } from "node:path";
import type { OciSpec } from "../core/oci-spec.ts";
import { annotation } from "./annotations.ts";
import { makeDisk } from "./disk.ts";
import type { GuestKernel } from "./kernel/kernels.ts";
import { launchMachine } from "./launch.ts";
import type { Share } from "./plan/mounts.ts";
import type { GuestSize } from "./plan/shape.ts";
import { startShares } from "./shares.ts";

/** Nobody's number on any system: what a virtual machine escapes to owns nothing. */
export const machineUser = 1_230_000_000;
const defaultDiskBytes = 10 * 2 ** 30;

export interface Wanted {
  readonly directory: string;
  readonly shape: GuestSize;
  readonly kernel: GuestKernel;
  readonly cgroups: readonly string[];
  readonly shares: readonly Share[];
  readonly spec: OciSpec;
  readonly image: string | undefined;
}

export interface Machine {
  readonly keeper: number;
  readonly machine: number;
  readonly helpers: readonly number[];
}

/** A virtual machine of the wanted shape, running. */
export async function bringUpMachine(wanted: Wanted): Promise<Machine> {
  const { directory, kernel, cgroups, image, spec } = wanted;
  const disk = annotation(spec, "disk") ?? join(directory, "disk");
  if (!existsSync(disk)) await makeDisk(disk, defaultDiskBytes, machineUser);
  const helpers = wanted.shares.length > 0 ? [startShares(directory, wanted.shares, cgroups)] : [];
  const { keeper, machine } = launchMachine({
    directory,
    shape: { ...wanted.shape, acceleration: "tcg" },
    start: { kind: "boot" },
    files: { kernel, image: image ?? "/dev/null", disk },
    cgroups,
    firstCommands: [],
    user: machineUser,
  });
  return { keeper, machine, helpers };
}
