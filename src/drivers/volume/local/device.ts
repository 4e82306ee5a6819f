import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { IsleError, isErrno, messageOf } from "../../../base/error.ts";
import type { VolumeRecord } from "../../../core/volume.ts";
import { mount } from "../../../os/mount.ts";
import { hostToResolve, type MountPlan, planMount, withAddress } from "./mount-plan.ts";

/** Mounts what a volume's options name: a tmpfs, a directory of the machine, a share. */
export async function mountDevice({ name, options }: VolumeRecord, target: string): Promise<void> {
  const plan = await resolved(planMount(options));
  const { source, type, flags, remountFlags, data } = plan;
  try {
    mount({ source, target, type, flags, data });
    if (remountFlags) mount({ source, target, flags: remountFlags });
  } catch (cause) {
    const reason = isErrno(cause, "ENOENT") ? "no such file or directory" : messageOf(cause);
    throw new IsleError(
      "invalid",
      `error while mounting volume '${target}': failed to mount local volume: mount ${source}:${target}, flags: 0x${flags.toString(16)}, data: ${data}: ${reason}`,
      { hint: `see the options of volume ${name}`, cause },
    );
  }
}

async function resolved(plan: MountPlan): Promise<MountPlan> {
  const host = hostToResolve(plan);
  if (!host || isIP(host)) return plan;
  try {
    return withAddress(plan, (await lookup(host)).address);
  } catch (cause) {
    throw new IsleError("unavailable", `error resolving passed in network volume address: ${host}`, { cause });
  }
}
