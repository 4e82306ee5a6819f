import { conflict, invalid, notFound } from "../../base/error.ts";
import {
  type InstanceRecord,
  type InstanceRepository,
  isRunning,
  isSuspended,
  type RunningState,
} from "../../core/instance.ts";
import type { Runtime } from "../../core/runtime.ts";
import type { InstanceDeps } from "./deps.ts";

/** The instance a user means: full id, name, or an id prefix that fits one only. */
export function findInstance({ instances }: { instances: InstanceRepository }, text: string): InstanceRecord {
  const name = text.replace(/^\//, "");
  const found = instances.get(name) ?? instances.byName(name);
  if (found) return found;
  const ids = /^[a-f0-9]{1,64}$/.test(name) ? instances.findByPrefix(name) : [];
  if (ids.length > 1) throw invalid(`multiple IDs found with provided prefix: ${text}`);
  const record = ids[0] === undefined ? undefined : instances.get(ids[0]);
  if (!record) throw notFound(`No such container: ${text}`);
  return record;
}

export function requireRunning(record: InstanceRecord): InstanceRecord & { state: RunningState } {
  if (isRunning(record)) return record;
  throw conflict(`container ${record.id} is not running`);
}

/** For what needs a process: a suspended instance has none. */
export function requireAwake(record: InstanceRecord): InstanceRecord & { state: RunningState } {
  const running = requireRunning(record);
  if (!isSuspended(running)) return running;
  throw conflict(`container ${record.name} is suspended`, { hint: `isle resume ${record.name}` });
}

/**
 * The /proc directory of a running instance's first process. Looked at again at each use: once the process has ended,
 * its number may be that of any other process of the host.
 */
export function procOf(
  { machine }: Pick<InstanceDeps, "machine">,
  { id, state }: InstanceRecord & { state: RunningState },
): string {
  if (machine.processAlive(state.pid, state.pidStart)) return `/proc/${state.pid}`;
  throw conflict(`container ${id} is not running`);
}

/** Where the host finds the root of a running instance. */
export function rootPathOf(deps: InstanceDeps, record: InstanceRecord & { state: RunningState }): string {
  const proc = procOf(deps, record);
  return runtimeOf(deps, record).isolation === "container" ? `${proc}/root` : deps.snapshots.mount(record.id);
}

export function runtimeOf(deps: InstanceDeps, record: InstanceRecord): Runtime {
  const runtime = deps.runtimes.get(record.host.Runtime ?? deps.settings.defaultRuntime);
  if (!runtime) throw notFound(`unknown or invalid runtime name: ${record.host.Runtime}`);
  return runtime;
}
