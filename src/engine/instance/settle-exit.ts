import { messageOf } from "../../base/error.ts";
import { now, zeroTime } from "../../base/time.ts";
import {
  type EndedFacts,
  type InstanceRecord,
  isRunning,
  isSuspended,
  type RunningState,
} from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent, publishNetworkEvent, publishVolumeEvents } from "./events.ts";
import { runtimeOf } from "./find.ts";
import { releaseVolumes } from "./instance-volumes.ts";
import { purgeInstance } from "./remove.ts";
import { shouldRestart } from "./restart-policy.ts";
import { releaseSharedMemory } from "./shared-memory.ts";
import { launch } from "./start.ts";

type Running = InstanceRecord & { state: RunningState };

/** Exit code when the supervisor died with the workload and nobody saw the real one. */
const unknownExitCode = 255;

/** Takes note of an exit: state, events, waiters, clean-up, and what the restart policy wants. */
export function handleExit(deps: InstanceDeps, id: string, exitCode = unknownExitCode): Promise<void> {
  return deps.locks
    .run(id, async () => {
      const record = deps.instances.get(id);
      if (!record || !isRunning(record)) return;
      // Its supervisor tells of the end of a machine that was saved.
      if (isSuspended(record)) return deps.exits.forget(id);
      // Told of an earlier run that came to nothing: the process of this one is there.
      if (deps.machine.processAlive(record.state.pid, record.state.pidStart)) return deps.exits.forget(id);
      await settle(deps, record, exitCode);
    })
    .catch((error: unknown) =>
      deps.log.error("cleaning up after an exit failed", { instance: id, error: messageOf(error) }),
    );
}

async function settle(deps: InstanceDeps, record: Running, exitCode: number): Promise<void> {
  deps.health.unwatch(record.id);
  deps.idle.unwatch(record.id);
  deps.rotations.unwatch(record.id);
  deps.execs.dropAll(record.id);
  const oomKilled = runtimeOf(deps, record).wasOomKilled(record.id);
  const facts = { exitCode, startedAt: record.state.startedAt, finishedAt: now(), oomKilled, error: "" };
  const restart = shouldRestart(record, exitCode);
  // A port is free again before anybody hears that its holder ended.
  const isSlowToGo = runtimeOf(deps, record).isolation === "microvm";
  if (isSlowToGo || record.state.endpoints.some(({ ports }) => ports.length > 0)) await leaveNetwork(deps, record.id);
  const remove = record.host.AutoRemove === true;
  if (remove) deps.instances.remove(record.id);
  else deps.instances.update(record.id, { state: { status: restart ? "restarting" : "exited", ...facts } });
  tellExit(deps, record, facts);
  if (remove) return purgeInstance(deps, record, { volumes: true });
  await releaseRun(deps, record);
  if (restart) scheduleRestart(deps, record.id, runMs(facts));
}

function tellExit(deps: InstanceDeps, record: Running, facts: EndedFacts): void {
  const { exitCode, oomKilled } = facts;
  if (oomKilled) publishInstanceEvent(deps, record, "oom");
  const execDuration = String(Math.round(runMs(facts) / 1000));
  publishInstanceEvent(deps, record, "die", { exitCode: String(exitCode), execDuration });
  tellNetworkLeft(deps, record);
  publishVolumeEvents(deps, record, "unmount");
  deps.signals.emit({ kind: "exited", id: record.id, exitCode });
}

function tellNetworkLeft(deps: InstanceDeps, { id, state: { endpoints } }: Running): void {
  for (const endpoint of endpoints) publishNetworkEvent(deps, "disconnect", endpoint, id);
}

const runMs = ({ startedAt, finishedAt }: EndedFacts): number =>
  startedAt === zeroTime ? 0 : Date.parse(finishedAt) - Date.parse(startedAt);

/** Gives back what a run held: runtime state, network, mount. Each part is quiet when it is gone already. */
export async function releaseRun(deps: InstanceDeps, record: InstanceRecord): Promise<void> {
  await runtimeOf(deps, record).delete(record.id);
  await leaveNetwork(deps, record.id);
  releaseSharedMemory(deps, record);
  releaseVolumes(deps, record);
  deps.snapshots.unmount(record.id);
  deps.exits.forget(record.id);
}

/** What is left of the network must not keep an end from being told. */
async function leaveNetwork({ networkDriver, log }: InstanceDeps, id: string): Promise<void> {
  await networkDriver
    .detach(id)
    .catch((error: unknown) => log.error("leaving the network failed", { instance: id, error: messageOf(error) }));
}

/** Starts the instance again after its delay, unless somebody stopped or removed it meanwhile. */
export function scheduleRestart(deps: InstanceDeps, id: string, ranMs: number): void {
  deps.restarts.schedule(id, ranMs, () => {
    const again = async () => {
      const record = deps.instances.get(id);
      if (record?.state.status !== "restarting") return;
      await launch(deps, deps.instances.update(id, { restartCount: record.restartCount + 1 }));
    };
    void deps.locks
      .run(id, again)
      .catch((error: unknown) => deps.log.warn("restart failed", { instance: id, error: messageOf(error) }));
  });
}
