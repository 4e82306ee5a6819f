import { conflict } from "../../base/error.ts";
import { withUndo } from "../../base/undo.ts";
import { isSuspended } from "../../core/instance.ts";
import { bringUp } from "./bring-up.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance, runtimeOf } from "./find.ts";
import { guestDisk } from "./guest.ts";
import { discardSaved, type Running, removeSaved, savedPath } from "./saved-state.ts";

/** Label with the time after which an idle microVM is suspended, such as `5m`; it wakes when it is wanted. */
export const suspendAfterLabel = "isle.suspend-after";

export function resumeSuspended(deps: InstanceDeps, text: string): Promise<void> {
  const { id } = findInstance(deps, text);
  return deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    if (!isSuspended(record)) throw conflict(`container ${record.name} is not suspended`);
    await wake(deps, record);
  });
}

/** Lets an instance go on that was suspended because nobody wanted it; one that is being suspended first gets that far. */
export async function awaken(deps: InstanceDeps, text: string): Promise<void> {
  const { id, config } = findInstance(deps, text);
  if (!config.Labels?.[suspendAfterLabel]) return;
  await deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    if (isSuspended(record) && record.state.suspended.wakes) await wake(deps, record);
  });
}

/** Lets a suspended instance go on. The caller holds its lock. */
export async function wake(deps: InstanceDeps, record: Running): Promise<void> {
  const { id, state } = record;
  const saved = savedPath(deps, id);
  runtimeOf(deps, record).saving!.checkSaved(saved, guestDisk(deps, record));
  const { netns, endpoints, startedAt } = state;
  try {
    const back = await withUndo((undo) =>
      bringUp(deps, record, undo, {
        saved,
        asAnother: false,
        joined: netns === undefined ? undefined : { netns, endpoints },
        endpoints,
        // From here on its disk changes, and the memory that was saved does not fit it any more.
        leaveBehind: () => removeSaved(deps, record),
      }),
    );
    const running = deps.instances.update(id, { state: { ...back, startedAt } });
    deps.health.watch(deps, running, true);
    deps.idle.watch(deps, running);
  } catch (error) {
    if (deps.machine.pathKind(saved) === undefined) await discardSaved(deps, record, 255);
    throw error;
  }
  publishInstanceEvent(deps, record, "resume");
  deps.signals.emit({ kind: "started", id });
}
