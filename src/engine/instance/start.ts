import { conflict, IsleError, messageOf } from "../../base/error.ts";
import { withUndo } from "../../base/undo.ts";
import { type InstanceRecord, isRunning, isSuspended } from "../../core/instance.ts";
import { bringUp, type Origin } from "./bring-up.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent, publishVolumeEvents } from "./events.ts";
import { findInstance } from "./find.ts";
import { purgeInstance } from "./remove.ts";
import { wake } from "./resume.ts";

/** Starts an instance by hand: the count of restarts begins anew. */
export function startInstance(deps: InstanceDeps, text: string): Promise<void> {
  const { id } = findInstance(deps, text);
  return deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    if (isSuspended(record)) return wake(deps, record);
    if (record.state.status === "paused") {
      throw conflict("cannot start a paused container, try unpause instead");
    }
    if (isRunning(record)) throw new IsleError("notModified", `container ${id} is already running`);
    deps.instances.update(id, { restartCount: 0, stoppedByHand: false });
    await launch(deps, findInstance(deps, id));
  });
}

/** Brings the process up, or leaves the instance as it was with the reason in its state. The caller holds its lock. */
export async function launch(deps: InstanceDeps, record: InstanceRecord, origin?: Origin): Promise<void> {
  try {
    const state = await withUndo((undo) => bringUp(deps, record, undo, origin));
    const running = deps.instances.update(record.id, { state });
    deps.health.watch(deps, running);
    deps.idle.watch(deps, running);
    publishVolumeEvents(deps, record, "mount");
    publishInstanceEvent(deps, record, "start");
    deps.signals.emit({ kind: "started", id: record.id });
  } catch (error) {
    recordFailure(deps, record, error);
    if (record.host.AutoRemove) {
      deps.instances.remove(record.id);
      await purgeInstance(deps, record, { volumes: true });
    }
    throw error;
  }
}

function recordFailure(deps: InstanceDeps, record: InstanceRecord, error: unknown): void {
  const text = messageOf(error);
  const exitCode = failureExitCode(text);
  const { state } = record;
  if (state.status === "exited" || state.status === "restarting") {
    deps.instances.update(record.id, { state: { ...state, status: "exited", error: text, exitCode } });
  } else {
    deps.instances.update(record.id, { state: { status: "created", error: text, exitCode } });
  }
  deps.signals.emit({ kind: "failed", id: record.id, exitCode });
}

/** By the conventions of shells: 127 not found, 126 not executable, 128 for the rest. */
function failureExitCode(text: string): number {
  if (/executable file not found|no such file or directory/.test(text)) return 127;
  return /permission denied|exec format error/.test(text) ? 126 : 128;
}
