import { conflict, IsleError } from "../../base/error.ts";
import { isSuspended } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance, requireAwake, requireRunning, runtimeOf } from "./find.ts";
import { wake } from "./resume.ts";

export function pauseInstance(deps: InstanceDeps, text: string): Promise<void> {
  const { id } = findInstance(deps, text);
  return deps.locks.run(id, async () => {
    const record = requireRunning(findInstance(deps, id));
    requireAwake(record);
    if (record.state.status === "paused") throw conflict(`Container ${id} is already paused`);
    await runtimeOf(deps, record).pause(id);
    deps.instances.update(id, { state: { ...record.state, status: "paused" } });
    publishInstanceEvent(deps, record, "pause");
  });
}

export function resumeInstance(deps: InstanceDeps, text: string): Promise<void> {
  const { id } = findInstance(deps, text);
  return deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    if (isSuspended(record)) return wake(deps, record);
    if (record.state.status !== "paused") throw new IsleError("internal", `Container ${id} is not paused`);
    await runtimeOf(deps, record).resume(id);
    deps.instances.update(id, { state: { ...record.state, status: "running" } });
    publishInstanceEvent(deps, record, "unpause");
  });
}
