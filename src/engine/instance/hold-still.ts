import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { runtimeOf } from "./find.ts";

/**
 * Freezes a running instance while `work` runs; the caller holds its lock. The record says so meanwhile, so that after
 * a crash the next start lets the instance go on.
 */
export async function holdStill<T>(deps: InstanceDeps, record: InstanceRecord, work: () => Promise<T>): Promise<T> {
  if (!isRunning(record) || record.state.status === "paused") return work();
  deps.instances.update(record.id, { state: { ...record.state, heldStill: true } });
  try {
    await runtimeOf(deps, record).pause(record.id);
    return await work();
  } finally {
    await letGo(deps, record.id);
  }
}

/** Lets an instance go on that was held still; quiet when its process has ended meanwhile. */
export async function letGo(deps: InstanceDeps, id: string): Promise<void> {
  const record = deps.instances.get(id);
  if (!record || !isRunning(record) || !record.state.heldStill) return;
  await runtimeOf(deps, record)
    .resume(id)
    .catch((error: unknown) =>
      deps.log.warn("letting an instance go on failed", { instance: id, error: String(error) }),
    );
  const { heldStill: _, ...state } = record.state;
  deps.instances.update(id, { state });
}
