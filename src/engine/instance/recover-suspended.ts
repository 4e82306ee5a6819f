import { messageOf } from "../../base/error.ts";
import { withUndo } from "../../base/undo.ts";
import { isRunning, isSuspended, type RunningState } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance, runtimeOf } from "./find.ts";
import { joinNetwork } from "./join-network.ts";
import { suspendAfterLabel } from "./resume.ts";
import {
  discardSaved,
  endSaved,
  makingPath,
  noteSuspended,
  type Running,
  removeSaved,
  savedPath,
} from "./saved-state.ts";

/**
 * Finishes or undoes what an earlier daemon began; the caller holds the lock. True when the instance is suspended
 * afterwards, and nothing more is to be done for it.
 */
export async function recoverSuspended(deps: InstanceDeps, id: string, rebooted: boolean): Promise<boolean> {
  await deps.machine.removeTree(makingPath(deps, id));
  const found = deps.instances.get(id);
  if (!found || !isRunning(found)) return false;
  let record: Running = found;
  const saved = deps.machine.pathKind(savedPath(deps, id)) !== undefined;
  const { startingFrom } = record.state;
  const wasWaking = startingFrom !== undefined && "suspended" in startingFrom && startingFrom.suspended !== undefined;
  if (wasWaking && !saved) return finishWaking(deps, record);
  if (wasWaking) {
    await runtimeOf(deps, record).delete(id);
    record = deps.instances.update(id, { state: startingFrom }) as Running;
  }
  if (!isSuspended(record) && !(record.state.heldStill && saved)) {
    await removeSaved(deps, record);
    return false;
  }
  if (!isSuspended(record))
    record = noteSuspended(deps, record, record.config.Labels?.[suspendAfterLabel] !== undefined);
  await endSaved(deps, record, runtimeOf(deps, record).saving!);
  if (rebooted) await joinAgain(deps, findInstance(deps, id) as Running);
  if (saved) {
    deps.idle.watchAsleep(deps, findInstance(deps, id));
    return true;
  }
  deps.log.error("the saved state of a suspended microVM is gone; it counts as ended", { instance: id });
  await discardSaved(deps, findInstance(deps, id) as Running, 255);
  return true;
}

/** The machine was started anew: its networks are there and its place on them is not. */
async function joinAgain(deps: InstanceDeps, record: Running): Promise<void> {
  const { netns: _, ...state } = record.state;
  let joined: Pick<RunningState, "netns" | "endpoints"> = { netns: undefined, endpoints: state.endpoints };
  try {
    joined = await withUndo((undo) => joinNetwork(deps, record, undo, state.endpoints));
  } catch (error) {
    deps.log.warn("a suspended microVM joins its networks when it is resumed", {
      instance: record.id,
      error: messageOf(error),
    });
  }
  deps.instances.update(record.id, { state: { ...state, netns: joined.netns, endpoints: joined.endpoints } });
}

/** It was about to go on, and can do nothing else any more. False: it is to be looked at as any that runs. */
async function finishWaking(deps: InstanceDeps, record: Running): Promise<boolean> {
  const { startingFrom: _, ...state } = record.state;
  deps.instances.update(record.id, { state });
  await runtimeOf(deps, record)
    .start(record.id)
    .catch((error: unknown) => {
      if (!/started already/.test(messageOf(error))) {
        deps.log.warn("a microVM that was being resumed did not go on", {
          instance: record.id,
          error: messageOf(error),
        });
      }
    });
  return false;
}
