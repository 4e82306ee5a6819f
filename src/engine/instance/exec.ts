import { conflict, IsleError, invalid, notFound } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import type { InstanceRecord, RunningState } from "../../core/instance.ts";
import type { OciProcess } from "../../core/oci-spec.ts";
import type { ExecSession, TerminalSize } from "../../core/runtime.ts";
import { planEnvironment } from "../spec/environment.ts";
import type { InstanceDeps } from "./deps.ts";
import { publishInstanceEvent } from "./events.ts";
import type { ExecRecord } from "./exec-table.ts";
import { findInstance, requireAwake, rootPathOf, runtimeOf } from "./find.ts";
import { capabilitySets, environmentOf, planProcess, userIn } from "./instance-spec.ts";
import { parseSecurityOptions } from "./security-options.ts";

export type ExecRequest = Pick<
  ExecRecord,
  | "command"
  | "tty"
  | "user"
  | "privileged"
  | "env"
  | "workingDir"
  | "attachStdin"
  | "attachStdout"
  | "attachStderr"
  | "detachKeys"
  | "consoleSize"
>;

/** Notes down a command to run; nothing runs yet. */
export function createExec(deps: InstanceDeps, text: string, request: ExecRequest): string {
  const record = findInstance(deps, text);
  if (request.command.length === 0) throw invalid("No exec command specified");
  const running = requireAwake(record);
  if (running.state.status === "paused") {
    throw conflict(`Container ${text} is paused, unpause the container before exec`);
  }
  if (request.user) userIn(deps, rootPathOf(deps, running), request.user, []);
  const id = newId();
  deps.execs.add({
    ...request,
    id,
    instanceId: record.id,
    started: false,
    running: false,
    exitCode: undefined,
    session: undefined,
  });
  publishInstanceEvent(deps, record, `exec_create: ${commandText(request)}`, { execID: id });
  return id;
}

/** As Docker writes it: the program, a space, and its arguments, of which there may be none. */
const commandText = ({ command: [program, ...args] }: Pick<ExecRecord, "command">): string =>
  `${program} ${args.join(" ")}`;

export function findExec({ execs }: InstanceDeps, id: string): ExecRecord {
  const record = execs.get(id);
  if (!record) throw notFound(`No such exec instance: ${id}`);
  return record;
}

const cannotRunCode = 126;

export interface StartExecOptions {
  readonly detach: boolean;
  readonly tty: boolean;
  readonly consoleSize: readonly number[] | undefined;
}

/** Runs the command. With `detach` nobody reads its output. */
export async function startExec(deps: InstanceDeps, id: string, options: StartExecOptions): Promise<ExecSession> {
  const exec = findExec(deps, id);
  if (exec.started) throw conflict(`exec instance ${id} has already been started`);
  const record = requireAwake(findInstance(deps, exec.instanceId));
  const size = terminalSize(options.consoleSize ?? exec.consoleSize);
  exec.started = true;
  const process = plannedOrFailed(deps, exec, () => planExecProcess(deps, record, exec));
  exec.running = true;
  publishInstanceEvent(deps, record, `exec_start: ${commandText(exec)}`, { execID: id });
  const attached = !options.detach;
  try {
    exec.session = await runtimeOf(deps, record).exec(record.id, process, {
      terminal: exec.tty,
      stdin: attached && exec.attachStdin,
      size,
      attached,
    });
  } catch (error) {
    finishExec(deps, record, exec, cannotRunCode);
    throw error;
  }
  void exec.session.ended.then(
    ({ exitCode }) => finishExec(deps, record, exec, exitCode),
    () => finishExec(deps, record, exec, cannotRunCode),
  );
  return exec.session;
}

/** A session that cannot be planned, for a user that is not there for example, has ended in the way of a failed one. */
function plannedOrFailed<T>(deps: InstanceDeps, exec: ExecRecord, plan: () => T): T {
  try {
    return plan();
  } catch (error) {
    exec.exitCode = cannotRunCode;
    deps.execs.expire(exec.id);
    throw error;
  }
}

function finishExec(deps: InstanceDeps, record: InstanceRecord, exec: ExecRecord, exitCode: number): void {
  exec.running = false;
  exec.exitCode = exitCode;
  publishInstanceEvent(deps, record, "exec_die", { execID: exec.id, exitCode: String(exitCode) });
  deps.execs.expire(exec.id);
}

/** The instance's own process with the session's command, user, environment and rights. */
function planExecProcess(
  deps: InstanceDeps,
  record: InstanceRecord & { state: RunningState },
  exec: ExecRecord,
): OciProcess {
  const rootPath = rootPathOf(deps, record);
  const security = parseSecurityOptions(record.host.SecurityOpt ?? [], deps.machine.facts);
  const base = planProcess(deps, record, rootPath, security);
  const user = userIn(deps, rootPath, exec.user || record.config.User || "", record.host.GroupAdd ?? []);
  const privileged = exec.privileged || (record.host.Privileged ?? false);
  const env = environmentOf([...(record.config.Env ?? []), ...exec.env], user);
  const tail = exec.tty ? ["TERM=xterm"] : [];
  return {
    ...base,
    terminal: exec.tty,
    user: { uid: user.uid, gid: user.gid, additionalGids: [user.gid, ...user.additionalGids] },
    args: [...exec.command],
    env: planEnvironment(
      [...tail, ...env],
      base.env.filter((entry) => !entry.startsWith("HOME=")),
    ),
    cwd: exec.workingDir || record.config.WorkingDir || "/",
    capabilities: capabilitySets(deps, record.host, user.uid, privileged),
  };
}

const terminalSize = (size: readonly number[] | undefined): TerminalSize | undefined =>
  size?.[0] && size[1] ? { rows: size[0], columns: size[1] } : undefined;

export function resizeExec(deps: InstanceDeps, id: string, size: TerminalSize): void {
  const exec = findExec(deps, id);
  if (!exec.running || !exec.session) throw conflict(`exec instance ${id} is not running`);
  exec.session.resize(size);
}

/** Runs a command to its end and collects at most `maxBytes` of its output; the health probe's way. */
export async function runInInstance(
  deps: InstanceDeps,
  record: InstanceRecord,
  command: readonly string[],
  { timeoutMs, maxBytes }: { timeoutMs: number; maxBytes: number },
): Promise<{ exitCode: number; output: string }> {
  const id = createExec(deps, record.id, { ...probeRequest, command });
  const session = await startExec(deps, id, { detach: false, tty: false, consoleSize: undefined });
  let output = Buffer.alloc(0);
  for (const stream of [session.stdout, session.stderr]) {
    stream?.on("data", (data: Buffer) => {
      if (output.length < maxBytes) output = Buffer.concat([output, data]).subarray(0, maxBytes);
    });
  }
  const timer = setTimeout(() => session.kill("SIGKILL"), timeoutMs);
  const started = performance.now();
  const { exitCode, error } = await session.ended;
  clearTimeout(timer);
  if (performance.now() - started >= timeoutMs) throw new IsleError("cancelled", "the command did not end in time");
  return { exitCode, output: error ?? output.toString() };
}

const probeRequest = {
  tty: false,
  user: "",
  privileged: false,
  env: [],
  workingDir: "",
  attachStdin: false,
  attachStdout: true,
  attachStderr: true,
  detachKeys: "",
  consoleSize: undefined,
};
