import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../../base/error.ts";
import type { OciSpec } from "../../core/oci-spec.ts";
import { annotation } from "../annotations.ts";

/** A virtual machine that was made before the runtime was asked for one. */
export interface Spare {
  readonly keeper: number;
  readonly machine: number;
  /** Its writable disk. */
  readonly disk: string;
  /** Processes that serve its shared directories. */
  readonly helpers: readonly number[];
  /** It runs, or will on its own; otherwise it waits, stopped, with its root mounted. */
  readonly goesOn: boolean;
}

/** Where spares lie: `ready/KEY.NUMBER`, each with the sockets of its machine. */
export const readyDirectory = (pool: string): string => join(pool, "ready");
export const spareFile = "spare.json";

/** Names what a spare can be used for. */
export function spareKey(template: string, image: string): string {
  return createHash("sha256").update(`${template} ${image}`).digest("hex").slice(0, 32);
}

export const readSpare = (directory: string): Spare =>
  JSON.parse(readFileSync(join(directory, spareFile), "utf8")) as Spare;

/** Spares have a disk of the usual size, which is new, and one network interface. */
export function mayTakeSpare(spec: OciSpec): boolean {
  const disk = annotation(spec, "disk");
  return disk !== undefined && !existsSync(disk) && !annotation(spec, "disk-size") && !annotation(spec, "networks");
}

/** Takes a spare by giving its directory another name, which only one of several takers can. */
export function claimSpare(pool: string, key: string, directory: string): Spare | undefined {
  const ready = readyDirectory(pool);
  if (!existsSync(ready)) return undefined;
  for (const name of readdirSync(ready)) {
    if (!name.startsWith(`${key}.`)) continue;
    try {
      renameSync(join(ready, name), directory);
      return readSpare(directory);
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
    }
  }
  return undefined;
}
