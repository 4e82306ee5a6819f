import { parseMoment, parseNanos } from "../../base/time.ts";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { writtenBytes } from "./guest-files.ts";
import { matchesLabel } from "./list.ts";
import { removeInstance } from "./remove.ts";

export const pruneFilters = ["until", "label", "label!"] as const;

/** Removes every instance that does not run, pauses or restarts. */
export async function pruneInstances(
  deps: InstanceDeps,
  filters: ReadonlyMap<string, readonly string[]>,
): Promise<{ ids: string[]; bytes: number }> {
  const doomed = deps.instances.list().filter((record) => isIdle(record) && selected(record, filters));
  let bytes = 0;
  for (const record of doomed) {
    bytes += await writtenBytes(deps, record);
    await removeInstance(deps, record.id, { force: false, volumes: false });
  }
  const attributes = { reclaimed: String(bytes) };
  deps.events.publish({ type: "container", action: "prune", actor: { id: "", attributes } });
  return { ids: doomed.map(({ id }) => id), bytes };
}

const isIdle = (record: InstanceRecord): boolean => !isRunning(record) && record.state.status !== "restarting";

function selected(record: InstanceRecord, filters: ReadonlyMap<string, readonly string[]>): boolean {
  const until = filters.get("until")?.[0];
  if (until !== undefined && parseNanos(record.createdAt) >= parseMoment(until)) return false;
  const wanted = filters.get("label") ?? [];
  const unwanted = filters.get("label!") ?? [];
  return wanted.every((label) => matchesLabel(record, label)) && !unwanted.some((label) => matchesLabel(record, label));
}
