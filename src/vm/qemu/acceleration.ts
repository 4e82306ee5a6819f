import {
  accessSync,
  chownSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  truncateSync,
} from "node:fs";
import { release, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { messageOf } from "../../base/error.ts";
import { readTextIfPresent, writeFileAtomic } from "../../os/files.ts";
import { blankDisk } from "../disk.ts";
import type { GuestKernel } from "../kernel/kernels.ts";
import { launchMachine, qemuProgram } from "../launch.ts";
import { connectIn } from "../monitor.ts";
import { cacheDirectory, machineFiles, machineUser } from "../places.ts";
import { greeting } from "../template/template.ts";
import { diskBytes, type MachineShape, templateShape } from "./arguments.ts";

export interface Acceleration {
  readonly kind: MachineShape["acceleration"];
  /** Why, for people. */
  readonly reason: string;
}

const device = "/dev/kvm";
const deadlineMs = 15_000;
const memoryPath = (): string => join(cacheDirectory(), "acceleration.json");

/** An answer holds for one kernel of the host and one QEMU. */
function circumstances(): string {
  const { size, mtimeMs } = statSync(qemuProgram());
  return `${release()} ${size} ${mtimeMs}`;
}

/** What was found out; emulation until then, so that no start waits for a probe. */
export function knownAcceleration(): Acceleration {
  const found = isThere() ? remembered() : undefined;
  if (found) return found;
  return { kind: "tcg", reason: isThere() ? `${device} was not tried yet` : `there is no ${device}` };
}

export const needsProbe = (): boolean => isThere() && remembered() === undefined;

function isThere(): boolean {
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function remembered(): Acceleration | undefined {
  const text = readTextIfPresent(memoryPath());
  if (text === undefined) return undefined;
  try {
    const { kind, reason, of } = JSON.parse(text) as Acceleration & { of: string };
    return of === circumstances() ? { kind, reason } : undefined;
  } catch {
    return undefined;
  }
}

/** Boots a guest with KVM: a device that opens is not one that works. The answer is remembered. */
export async function probeAcceleration(kernel: GuestKernel): Promise<Acceleration> {
  const answer = await tryKvm(kernel);
  mkdirSync(dirname(memoryPath()), { recursive: true, mode: 0o755 });
  writeFileAtomic(memoryPath(), JSON.stringify({ ...answer, of: circumstances() }));
  return answer;
}

async function tryKvm(kernel: GuestKernel): Promise<Acceleration> {
  const directory = mkdtempSync(join(tmpdir(), "isle-probe-"));
  try {
    const disk = join(directory, "disk");
    closeSync(openSync(disk, "w", 0o600));
    truncateSync(disk, diskBytes);
    chownSync(disk, machineUser, machineUser);
    await launchMachine({
      directory,
      shape: { cpus: 1, memoryMiB: 256, acceleration: "kvm", counterKhz: 0, ...templateShape },
      start: { kind: "boot" },
      files: { kernel, image: blankDisk(), disk },
      cgroups: [],
      user: machineUser,
    });
    const life = await connectIn(directory, machineFiles.life);
    try {
      await greeting(await connectIn(directory, machineFiles.guest), deadlineMs);
    } finally {
      life.destroy();
    }
    return { kind: "kvm", reason: `a guest boots with ${device}` };
  } catch (error) {
    const said = readTextIfPresent(join(directory, machineFiles.log))?.trim().split("\n").at(-1);
    const why = said || `no guest booted within ${deadlineMs / 1000} s (${messageOf(error)})`;
    return { kind: "tcg", reason: `${device} opens and does not work: ${why}` };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
