import { join } from "node:path";
import { invalid } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { Slots } from "../../base/slots.ts";
import { now } from "../../base/time.ts";
import { type Undo, withUndo } from "../../base/undo.ts";
import type { InstanceRecord } from "../../core/instance.ts";
import type { Saving } from "../../core/runtime.ts";
import { checkName, insert, nameConflict } from "./create.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance, requireAwake } from "./find.ts";
import { guestDisk } from "./guest.ts";
import { letGo } from "./hold-still.ts";
import { planCopy } from "./plan-copy.ts";
import { removeInstance } from "./remove.ts";
import { launch } from "./start.ts";
import { checkSaveable } from "./suspend.ts";

export interface ForkRequest {
  readonly count: number;
  /** One for each copy, or none. */
  readonly names: readonly string[];
}

const mostCopies = 100;
/** More at once would only wait for the processors, and each would take longer. */
const startsAtATime = 2;

/**
 * Makes running copies of a running instance, with its memory and its disk of one moment. All of them run, or none is
 * left. The original stands still while it is saved, and goes on before the copies start.
 */
export async function forkInstance(deps: InstanceDeps, text: string, request: ForkRequest): Promise<string[]> {
  const original = requireAwake(findInstance(deps, text));
  const saving = checkSaveable(deps, original);
  checkRequest(deps, request);
  const place = join(deps.settings.paths.copies, newId());
  try {
    return await withUndo(async (undo) => {
      const copies = Array.from({ length: request.count }, (_, i) =>
        makeRecord(deps, original, request.names[i], undo),
      );
      await saveOnce(deps, original.id, { saving, place, disk: guestDisk(deps, copies[0]!) });
      for (const copy of copies.slice(1)) await saving.copyDisk(guestDisk(deps, copies[0]!), guestDisk(deps, copy));
      const slots = new Slots(startsAtATime);
      // All of them have come to something before any is taken back.
      const starts = await Promise.allSettled(copies.map((copy) => startCopy(deps, copy, place, slots)));
      const failed = starts.find(({ status }) => status === "rejected") as PromiseRejectedResult | undefined;
      if (failed) throw failed.reason;
      for (const { id } of copies) publishInstanceEvent(deps, original, "fork", { copy: id });
      return copies.map(({ id }) => id);
    });
  } finally {
    // Machines that go on from it have it open.
    await deps.machine.removeTree(place);
  }
}

function checkRequest(deps: InstanceDeps, { count, names }: ForkRequest): void {
  if (!Number.isInteger(count) || count < 1 || count > mostCopies) {
    throw invalid(`want from 1 to ${mostCopies} copies, got ${count}`);
  }
  if (names.length > 0 && names.length !== count) throw invalid(`${names.length} names for ${count} copies`);
  for (const name of names) {
    checkName(name);
    if (deps.instances.byName(name)) throw nameConflict(deps, name);
  }
}

/** Recorded from the beginning, so that what a crash leaves is found and removed. */
function makeRecord(
  deps: InstanceDeps,
  original: InstanceRecord,
  name: string | undefined,
  undo: Undo,
): InstanceRecord {
  const id = newId();
  deps.snapshots.prepare(id, original.layers);
  undo.add(() => deps.snapshots.removeRoot(id));
  deps.machine.makeDirectory(deps.settings.paths.instance(id));
  undo.add(() => deps.machine.removeTree(deps.settings.paths.instance(id)));
  const copy = insert(deps, name, { ...planCopy(original, id), createdAt: now() });
  undo.add(() => removeInstance(deps, id, { force: true, volumes: true }));
  return copy;
}

interface SaveOnce {
  readonly saving: Saving;
  readonly place: string;
  readonly disk: string;
}

function saveOnce(deps: InstanceDeps, id: string, { saving, place, disk }: SaveOnce): Promise<void> {
  return deps.locks.run(id, async () => {
    const record = requireAwake(findInstance(deps, id));
    checkSaveable(deps, record);
    deps.machine.makeDirectory(place);
    await saving.prepare(id);
    deps.instances.update(id, { state: { ...record.state, heldStill: true } });
    try {
      await saving.save(id, { directory: place, diskCopy: disk });
    } finally {
      await letGo(deps, id);
    }
  });
}

async function startCopy(deps: InstanceDeps, copy: InstanceRecord, saved: string, slots: Slots): Promise<void> {
  const leave = await slots.take();
  try {
    publishInstanceEvent(deps, copy, "create");
    await deps.locks.run(copy.id, () => launch(deps, copy, { saved, asAnother: true }));
    deps.instances.update(copy.id, { purpose: undefined });
  } finally {
    leave();
  }
}
