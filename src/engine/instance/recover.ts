import { messageOf } from "../../base/error.ts";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { LiveAttachment } from "../../core/network.ts";
import type { InstanceDeps } from "./deps.ts";
import { letGo } from "./hold-still.ts";
import { holdVolumes } from "./instance-volumes.ts";
import { recoverSuspended } from "./recover-suspended.ts";
import { handleExit, releaseRun, scheduleRestart } from "./settle-exit.ts";
import { launch } from "./start.ts";

/** Attachments of instances that still run, for the network to adopt. */
export function liveAttachments({ instances }: Pick<InstanceDeps, "instances">): LiveAttachment[] {
  return instances.list().flatMap((record) => {
    if (!isRunning(record)) return [];
    return [
      {
        instanceId: record.id,
        instanceName: record.name,
        netns: record.state.netns,
        endpoints: record.state.endpoints,
      },
    ];
  });
}

/**
 * Brings records and processes together after a start: instances that run are adopted, those that ended while nobody
 * watched are settled as if they ended now, and restart policies are honoured. With `rebooted` nothing can run.
 */
export async function recoverInstances(deps: InstanceDeps, { rebooted }: { rebooted: boolean }): Promise<void> {
  const all = (work: (record: InstanceRecord) => Promise<void>): Promise<unknown> =>
    Promise.all(
      deps.instances
        .list()
        .map((record) =>
          work(record).catch((error: unknown) =>
            deps.log.error("recovering an instance failed", { instance: record.id, error: messageOf(error) }),
          ),
        ),
    );
  // Those first that must have their addresses back.
  const suspended = new Set<string>();
  await all(async ({ id }) => {
    if (await deps.locks.run(id, () => recoverSuspended(deps, id, rebooted))) suspended.add(id);
  });
  await all(async (record) => {
    if (!suspended.has(record.id)) await recoverOne(deps, record, rebooted);
  });
}

async function recoverOne(deps: InstanceDeps, found: InstanceRecord, rebooted: boolean): Promise<void> {
  let record = found;
  const { id } = record;
  if (isRunning(record) && !record.state.startingFrom) {
    const exitCode = rebooted ? undefined : deps.exits.read(id);
    const alive = !rebooted && deps.machine.processAlive(record.state.pid, record.state.pidStart);
    if (exitCode !== undefined) return handleExit(deps, id, exitCode);
    if (!alive) return handleExit(deps, id);
    await deps.locks.run(id, () => letGo(deps, id));
    return adopt(deps, record);
  }
  // A start or an end that was cut short may have left a process, a mount or a namespace.
  await deps.locks.run(id, () => releaseRun(deps, record));
  if (isRunning(record)) record = deps.instances.update(id, { state: record.state.startingFrom! });
  if (record.state.status === "restarting") return scheduleRestart(deps, id, 0);
  if (wantsStart(record)) await deps.locks.run(id, () => launch(deps, record));
}

/** The process runs on; what the daemon did for it begins again. */
function adopt(deps: InstanceDeps, record: InstanceRecord): void {
  holdVolumes(deps, record);
  deps.rotations.watch(deps, record);
  deps.health.watch(deps, record, true);
  deps.idle.watch(deps, record);
}

/** Policies that bring an instance back with the daemon; one that never ran was never wanted up. */
function wantsStart({ host, state, stoppedByHand }: InstanceRecord): boolean {
  if (state.status === "created") return false;
  const name = host.RestartPolicy?.Name;
  return name === "always" || (name === "unless-stopped" && !stoppedByHand);
}
