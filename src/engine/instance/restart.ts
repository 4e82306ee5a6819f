import { isCode } from "../../base/error.ts";
import { isRunning } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import { findInstance } from "./find.ts";
import { startInstance } from "./start.ts";
import { type StopOptions, stopInstance } from "./stop.ts";

export async function restartInstance(deps: InstanceDeps, text: string, options: StopOptions): Promise<void> {
  const { id } = findInstance(deps, text);
  const record = findInstance(deps, id);
  // Another client may stop or start it at the same time: what matters is that it runs anew.
  if (isRunning(record) || record.state.status === "restarting") await unlessDone(stopInstance(deps, id, options));
  await unlessDone(startInstance(deps, id));
  publishInstanceEvent(deps, record, "restart");
}

async function unlessDone(step: Promise<void>): Promise<void> {
  try {
    await step;
  } catch (error) {
    if (!isCode(error, "notModified")) throw error;
  }
}
