import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { holdStill } from "../instance/hold-still.ts";
import { volumeUsers } from "../instance/remove.ts";
import { onVolume } from "./lock.ts";

/**
 * Runs work while no instance starts, ends or is removed that mounts the volume. With `still` those that run and may
 * write to it are frozen.
 */
export async function withUsersHeld<T>(
  deps: InstanceDeps,
  name: string,
  { still }: { still: boolean },
  work: () => Promise<T>,
): Promise<T> {
  for (;;) {
    const held = new Set(volumeUsers(deps, name).map(({ id }) => id));
    const outcome = await withEach(deps, [...held].sort(), { name, still }, () =>
      onVolume(deps, name, async () => {
        // Somebody may have made another user before we had the lock.
        if (volumeUsers(deps, name).some(({ id }) => !held.has(id))) return undefined;
        return { result: await work() };
      }),
    );
    if (outcome) return outcome.result;
  }
}

function withEach<T>(
  deps: InstanceDeps,
  ids: readonly string[],
  how: { name: string; still: boolean },
  work: () => Promise<T>,
): Promise<T> {
  const [id, ...rest] = ids;
  if (id === undefined) return work();
  const next = () => withEach(deps, rest, how, work);
  return deps.locks.run(id, async () => {
    const record = deps.instances.get(id);
    if (!record || !how.still || !mayWrite(record, how.name)) return next();
    return holdStill(deps, record, next);
  });
}

const mayWrite = (record: InstanceRecord, name: string): boolean =>
  isRunning(record) &&
  record.mounts.some(({ type, source, readonly }) => type === "volume" && source === name && !readonly);
