import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { isErrno } from "../../base/error.ts";

/** A virtual machine that waits, stopped, with its root mounted, for somebody who wants just such a one. */
export interface Spare {
  readonly keeper: number;
  readonly machine: number;
  /** Its writable disk. */
  readonly disk: string;
}

/** Where spares lie: `ready/KEY.NUMBER`, each with the sockets of its machine. */
export const readyDirectory = (pool: string): string => join(pool, "ready");
export const spareFile = "spare.json";

/** Names what a spare can be used for. */
export function spareKey(template: string, image: string): string {
  return createHash("sha256").update(`${template} ${image}`).digest("hex").slice(0, 32);
}

/** Takes a spare by giving its directory another name, which only one of several takers can. */
export function claimSpare(pool: string, key: string, directory: string): Spare | undefined {
  const ready = readyDirectory(pool);
  if (!existsSync(ready)) return undefined;
  for (const name of readdirSync(ready)) {
    if (!name.startsWith(`${key}.`)) continue;
    try {
      renameSync(join(ready, name), directory);
      return JSON.parse(readFileSync(join(directory, spareFile), "utf8")) as Spare;
    } catch (error) {
      if (!isErrno(error, "ENOENT")) throw error;
    }
  }
  return undefined;
}
