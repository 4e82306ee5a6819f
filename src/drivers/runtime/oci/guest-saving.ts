import { setTimeout as pause } from "node:timers/promises";
import type { Saving } from "../../../core/runtime.ts";
import { copyDisk } from "../../../vm/disk.ts";
import { machineUser } from "../../../vm/places.ts";
import { bytesOf, templatesUsage } from "../../../vm/pool/pool-usage.ts";
import { readAhead } from "../../../vm/saved/read-ahead.ts";
import { checkSaveable, isThere, leaveWorkload, saveWorkload } from "../../../vm/saved/save-workload.ts";
import { openSaved, placeSaved } from "../../../vm/saved/saved-machine.ts";
import { watchArrivals } from "../../../vm/saved/watch-arrivals.ts";
import type { GuestParts } from "./guest-runtime.ts";
import type { OciRuntimeOptions } from "./options.ts";
import { supervisorEnds } from "./supervisor.ts";

const againMs = 5;

/** Whole microVMs as files. */
export const createGuestSaving = (
  { stateRoot, bundleOf }: OciRuntimeOptions,
  { pool, templates }: Pick<GuestParts, "pool" | "templates">,
): Saving => ({
  check: (id) => void checkSaveable(stateRoot, id),
  prepare: (id) => readAhead(stateRoot, id),
  save: (id, order) => saveWorkload(stateRoot, id, order),
  place: placeSaved,
  copyDisk: (from, to) => copyDisk(from, to, machineUser),
  watchArrivals,
  savedBytes: bytesOf,
  kept: () => ({ templates: templatesUsage(templates), spares: pool.usage() }),
  checkSaved: (directory, disk) => void openSaved(directory, disk),
  async leave(id) {
    // Only when its supervisor has ended is the log whole, and nobody tells of the end any more. A start that an earlier
    // daemon began may come to its end meanwhile.
    for (;;) {
      await leaveWorkload(stateRoot, id);
      if (await supervisorEnds(bundleOf(id), () => isThere(stateRoot, id))) return;
      await pause(againMs);
    }
  },
});
