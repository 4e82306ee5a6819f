import { execFileSync } from "node:child_process";
import { IsleError, messageOf, unsupported } from "../base/error.ts";
import { type Hook, type RuntimeSpec, readSpec } from "./runtime-spec.ts";
import { type MachineState, type Status, statusOf } from "./state.ts";

/** What would have to run in the container runs behind another kernel. */
const hooksInside = ["createContainer", "startContainer"];

export function refuseHooksInside({ hooks }: RuntimeSpec): void {
  const name = hooksInside.find((each) => (hooks?.[each] ?? []).length > 0);
  if (name) throw unsupported(`${name} hooks cannot run in a microVM: its container is behind a kernel of its own`);
}

/** Runs the hooks of a point after the creation. By the specification a failure is told and changes nothing. */
export function runLaterHooks(point: "poststart" | "poststop", state: MachineState): void {
  try {
    const hooks = readSpec(state.bundle).hooks?.[point] ?? [];
    runHooks(hooks, state, point === "poststop" ? "stopped" : undefined);
  } catch (error) {
    process.stderr.write(`isle-vm: ${messageOf(error)}\n`);
  }
}

/** Runs the programs that an engine wants run at this point, each with the container's state on its input. */
export function runHooks(hooks: readonly Hook[], state: MachineState, status?: Status | "creating"): void {
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
