import { execFileSync } from "node:child_process";
import { IsleError, messageOf } from "../base/error.ts";
import type { Hook } from "./command/create.ts";
import { type MachineState, type Status, statusOf } from "./state.ts";

/** Runs the programs that an engine wants run at this point, each with the container's state on its input. */
export function runHooks(hooks: readonly Hook[], state: MachineState, status?: "creating"): void {
  for (const { path, args, env, timeout } of hooks) {
    try {
      execFileSync(path, (args ?? [path]).slice(1), {
        ...(args?.[0] && { argv0: args[0] }),
        input: JSON.stringify(ociState(state, status ?? statusOf(state))),
        env: Object.fromEntries((env ?? []).map((entry) => entry.split(/=(.*)/s, 2))) as NodeJS.ProcessEnv,
        stdio: ["pipe", "ignore", "pipe"],
        ...(timeout && { timeout: timeout * 1000 }),
      });
    } catch (cause) {
      throw new IsleError("internal", `hook ${path} failed: ${messageOf(cause)}`, { cause });
    }
  }
}

/** The state as the OCI specification words it. */
export function ociState({ id, pid, bundle, annotations, ociVersion }: MachineState, status: Status | "creating") {
  return { ociVersion, id, status, pid: status === "stopped" ? 0 : pid, bundle, annotations };
}
