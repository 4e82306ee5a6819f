import { isRunning } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance } from "./find.ts";
import { startInstance } from "./start.ts";
import { type StopOptions, stopInstance } from "./stop.ts";

export async function restartInstance(deps: InstanceDeps, text: string, options: StopOptions): Promise<void> {
  const { id } = findInstance(deps, text);
  const record = findInstance(deps, id);
  if (isRunning(record) || record.state.status === "restarting") await stopInstance(deps, id, options);
  await startInstance(deps, id);
  publishInstanceEvent(deps, record, "restart");
}
