import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { IsleError } from "../../../base/error.ts";
import type { CreatedProcess, Workload } from "../../../core/runtime.ts";
import { processStart } from "../../../os/proc.ts";
import { spawnError, start } from "../../../os/process.ts";
import { runtimeMessage } from "./message.ts";
import type { OciRuntimeOptions } from "./options.ts";
import { openSocketsArg } from "./runsc.ts";

/** Starts the supervisor, which makes the workload's process and holds it before its command runs. */
export async function createUnderConmon(options: OciRuntimeOptions, workload: Workload): Promise<CreatedProcess> {
  // Its environment may hold secrets.
  writeFileSync(join(workload.bundle, "config.json"), JSON.stringify(workload.spec), { mode: 0o600 });
  const { pid, message } = await runConmon(options.conmon, conmonArgs(options, workload));
  if (pid <= 0) throw runtimeMessage(options.name, message ?? "", workload.spec.process.args[0]);
  const pidStart = processStart(pid);
  if (pidStart === undefined) throw new IsleError("internal", `process ${pid} of ${workload.id} ended at its start`);
  return { pid, pidStart };
}

/** The supervisor's arguments; its working directory plays no part. */
export function conmonArgs(options: OciRuntimeOptions, workload: Workload): string[] {
  const { program, stateRoot, exitDir, globalArgs = [] } = options;
  const opening = workload.opensSockets && options.isolation === "sandbox" ? [openSocketsArg] : [];
  return [
    ...["--api-version", "1", "-c", workload.id, "-u", workload.id, "-n", workload.id, "-r", program],
    ...["-b", workload.bundle, "-p", join(workload.bundle, "pid"), "-P", join(workload.bundle, "conmon.pid")],
    ...["-l", `k8s-file:${workload.logPath}`, "--no-sync-log", "--exit-dir", exitDir, "-0", workload.bundle],
    ...["--full-attach", "--log-level", "error"],
    ...["--root", stateRoot, ...globalArgs, ...opening].map((arg) => `--runtime-arg=${arg}`),
    ...(workload.terminal ? ["-t"] : []),
    ...(workload.stdin ? ["-i"] : []),
    ...(workload.leaveStdinOpen ? ["--leave-stdin-open"] : []),
  ];
}

interface Sync {
  readonly pid: number;
  readonly message?: string;
}

/** Runs conmon until it has told of the new process over its sync pipe; it goes on in the background. */
function runConmon(program: string, args: string[]): Promise<Sync> {
  const env = { PATH: process.env["PATH"] ?? "/usr/sbin:/usr/bin:/sbin:/bin", _OCI_SYNCPIPE: "3" };
  const child = start(program, args, { stdio: ["ignore", "ignore", "pipe", "pipe"], env });
  let told = "";
  let stderr = "";
  child.stderr?.on("data", (data: Buffer) => {
    stderr += data;
  });
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(spawnError(program, error)));
    const pipe = child.stdio[3] as Readable | null;
    // Without a process there is no pipe, and the error follows.
    if (!pipe) return;
    pipe.on("data", (data: Buffer) => {
      told += data;
      if (told.includes("\n")) settle();
    });
    pipe.once("close", settle);
    function settle(): void {
      pipe?.destroy();
      child.stderr?.destroy();
      resolve(parseSync(told, stderr));
    }
  });
}

function parseSync(told: string, stderr: string): Sync {
  try {
    const { pid, data, message } = JSON.parse(told) as { pid?: number; data?: number; message?: string };
    return { pid: pid ?? data ?? -1, message: message ?? stderr };
  } catch {
    return { pid: -1, message: stderr || "the supervisor ended without a word" };
  }
}
