import { conflict, unsupported } from "../../base/error.ts";
import type { Saving } from "../../core/runtime.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance, requireAwake, runtimeOf } from "./find.ts";
import { letGo } from "./hold-still.ts";
import { endSaved, makingPath, noteSuspended, type Running, removeSaved, savedPath } from "./saved-state.ts";

export interface SuspendOptions {
  /** Whether it goes on by itself when it is wanted. */
  readonly wakes: boolean;
}

/** Saves a running instance to disk and ends its processes; `resumeSuspended` lets it go on. */
export function suspendInstance(deps: InstanceDeps, text: string, { wakes }: SuspendOptions): Promise<void> {
  const { id } = findInstance(deps, text);
  return deps.locks.run(id, async () => {
    const record = requireAwake(findInstance(deps, id));
    const saving = checkSaveable(deps, record);
    const open = deps.execs.idsOf(id).filter((exec) => deps.execs.get(exec)?.running).length;
    if (open > 0) {
      throw conflict(`cannot suspend ${record.name}: ${open} commands run in it by exec, which would be cut off`, {
        hint: "let them end first",
      });
    }
    if (deps.attached.hasInput(id)) {
      throw conflict(`cannot suspend ${record.name}: a client is attached to its standard input`, {
        hint: "detach it first",
      });
    }
    deps.health.unwatch(id);
    try {
      await save(deps, record, saving);
      noteSuspended(deps, record, wakes);
    } catch (error) {
      deps.health.watch(deps, record, true);
      throw error;
    }
    await endSaved(deps, findInstance(deps, id) as Running, saving);
    deps.idle.watchAsleep(deps, findInstance(deps, id));
    publishInstanceEvent(deps, record, "suspend");
  });
}

/** What its machine can be saved by; refuses by name what cannot be saved. */
export function checkSaveable(deps: InstanceDeps, record: Running): Saving {
  const { saving, isolation } = runtimeOf(deps, record);
  if (!saving) {
    throw unsupported(`${record.name} is a ${isolation}: only microVMs can be saved while they run`, {
      hint: "run it with --isolation microvm, or use isle pause",
    });
  }
  if (record.state.status === "paused") {
    throw conflict(`${record.name} is paused`, { hint: `isle unpause ${record.name}` });
  }
  saving.check(record.id);
  return saving;
}

/** The record says at each step what a crash there leaves: held still, then suspended. */
async function save(deps: InstanceDeps, record: Running, saving: Saving): Promise<void> {
  const { id } = record;
  const making = makingPath(deps, id);
  // What an earlier run may have left would look like what is saved now.
  await removeSaved(deps, record);
  deps.machine.makeDirectory(making);
  deps.instances.update(id, { state: { ...record.state, heldStill: true } });
  try {
    await saving.save(id, { directory: making });
    saving.place(making, savedPath(deps, id));
  } catch (error) {
    await letGo(deps, id);
    await deps.machine.removeTree(making);
    throw error;
  }
}
