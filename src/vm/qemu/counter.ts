import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { readTextIfPresent, writeFileAtomic } from "../../os/files.ts";
import { cacheDirectory, findPart } from "../places.ts";
import type { MachineShape } from "./arguments.ts";

/** A machine of the cloud may go on on another host with its next start. */
const circumstances = (): string => readTextIfPresent("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
const roundKhz = 100;
let known: number | undefined;

/**
 * How fast the processor's counter runs, in kHz; 0 where there is none. An emulated guest sees the host's, and what it
 * measures itself while it boots is far off when the host is busy: its clock would run many times too fast.
 */
function counterKhz(): number {
  known ??= remembered() ?? measured();
  return known;
}

const path = (): string => join(cacheDirectory(), "counter");

function remembered(): number | undefined {
  const [of = "", khz = ""] = readTextIfPresent(path())?.trim().split(" ") ?? [];
  return of === circumstances() && /^\d+$/.test(khz) ? Number(khz) : undefined;
}

function measured(): number {
  const exact = Number(execFileSync(findPart("isle-relay"), ["counter"], { encoding: "utf8" }));
  const khz = Math.round(exact / roundKhz) * roundKhz;
  mkdirSync(cacheDirectory(), { recursive: true, mode: 0o755 });
  writeFileAtomic(path(), `${circumstances()} ${khz}\n`);
  return khz;
}

/** What carries out a guest's instructions, and what it must be told of it. */
export const processorOf = (
  acceleration: MachineShape["acceleration"],
): Pick<MachineShape, "acceleration" | "counterKhz"> =>
  acceleration === "tcg" ? { acceleration, counterKhz: counterKhz() } : { acceleration, counterKhz: 0 };
