import { existsSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { isCode, messageOf } from "../../../base/error.ts";
import { parseSignal } from "../../../base/signals.ts";
import type { OciProcess, OciResources } from "../../../core/oci-spec.ts";
import type { ExecOptions, ExecResult, ExecSession, Runtime } from "../../../core/runtime.ts";
import {
  deleteMachine,
  listProcesses,
  ranOutOfMemory,
  setPaused,
  signalWorkload,
  startWorkload,
  updateLimits,
} from "../../../vm/control.ts";
import { CannotRun, execInGuest, type GuestExec } from "../../../vm/exec-session.ts";
import { microvmFacts } from "../../../vm/facts.ts";
import { createGuestFiles } from "../../../vm/guest-files.ts";
import { explained } from "../../../vm/launch.ts";
import type { MachinePool } from "../../../vm/pool/pool.ts";
import { answerSockets } from "../../../vm/sockets.ts";
import { createGuestSaving } from "./guest-saving.ts";
import { commandProblem, runtimeMessage } from "./message.ts";
import { createOciRuntime } from "./oci-runtime.ts";
import type { OciRuntimeOptions } from "./options.ts";
import { supervisorEnds } from "./supervisor.ts";

export interface GuestParts {
  readonly pool: MachinePool;
  readonly templates: string;
  /** For machines that read the disks of others. */
  readonly scratch: string;
}

/**
 * isle-vm as a runtime: its command line makes the virtual machine under conmon, and everything after that is asked of
 * the relay over its socket, which saves a process each time.
 */
export function createGuestRuntime(options: OciRuntimeOptions, { pool, ...places }: GuestParts): Runtime {
  const base = createOciRuntime(options);
  const { stateRoot } = options;
  /** What is told of a machine that is gone is why it went. */
  const complaint = (id: string, error: unknown): unknown => {
    const reason = explained(join(stateRoot, id), error);
    return reason === error ? error : runtimeMessage(options.name, messageOf(reason));
  };
  return {
    ...base,
    async create(workload) {
      const endIfLeft = await pool.ahead(workload.id, workload.spec);
      try {
        const created = await base.create(workload);
        pool.started(workload.spec);
        return created;
      } catch (error) {
        throw complaint(workload.id, error);
      } finally {
        endIfLeft();
      }
    },
    start: (id) =>
      startWorkload(stateRoot, id).catch((error: unknown) => {
        const reason = complaint(id, error);
        throw reason === error ? runtimeMessage(options.name, messageOf(error)) : reason;
      }),
    kill: (id, signal) => signalWorkload(stateRoot, id, signal),
    pause: (id) => setPaused(stateRoot, id, true),
    resume: (id) => setPaused(stateRoot, id, false),
    update: (id, resources) => updateLimits(stateRoot, id, resources as OciResources),
    delete: (id) => deleteQuietly(base, options, id),
    exec: (id, process, execOptions) => execIn(join(stateRoot, id), process, execOptions),
    wasOomKilled: (id) => ranOutOfMemory(stateRoot, id),
    facts: () => ({ ...microvmFacts(), "isle.vm.pool": `${pool.waiting} of ${pool.size} wait` }),
    processes: (id) => listProcesses(stateRoot, id),
    answerSockets: (id, paths) => answerSockets(join(stateRoot, id), paths),
    files: createGuestFiles({ stateRoot, ...places }),
    saving: createGuestSaving(options, { pool, templates: places.templates }),
  };
}

/** A create that was cut short has left what only the command line knows how to take away. */
async function deleteQuietly(base: Runtime, options: OciRuntimeOptions, id: string): Promise<void> {
  const { stateRoot, bundleOf } = options;
  // One that an earlier daemon began may still be under way; what it makes would be nobody's.
  await supervisorEnds(bundleOf(id), () => existsSync(join(stateRoot, id, "state.json")));
  if (!existsSync(join(stateRoot, id))) return;
  try {
    await deleteMachine(stateRoot, id, true);
  } catch (error) {
    if (!isCode(error, "notFound")) throw error;
    await base.delete(id);
  }
}

async function execIn(directory: string, process: OciProcess, options: ExecOptions): Promise<ExecSession> {
  const stdout = options.attached ? new PassThrough() : undefined;
  const stderr = options.attached && !options.terminal ? new PassThrough() : undefined;
  const { rows = 24, columns = 80 } = options.size ?? {};
  let guest: GuestExec | undefined;
  const deliver = (to: PassThrough | undefined) => (data: Buffer) => {
    if (!to || to.write(data)) return;
    guest?.hold();
    to.once("drain", () => guest?.go());
  };
  guest = await execInGuest(directory, {
    process: {
      ...process,
      terminal: options.terminal,
      ...(options.terminal && { consoleSize: { height: rows, width: columns } }),
    },
    input: options.stdin,
    filter: undefined,
    onOutput: deliver(stdout),
    onErrors: deliver(stderr),
  });
  return session(guest, options, { stdout, stderr });
}

interface Streams {
  readonly stdout: PassThrough | undefined;
  readonly stderr: PassThrough | undefined;
}

function session(guest: GuestExec, options: ExecOptions, { stdout, stderr }: Streams): ExecSession {
  let pid = 0;
  guest.started.then(
    (number) => {
      pid = number;
    },
    () => {},
  );
  const ended = guest.ended
    .then((exitCode): ExecResult => ({ exitCode }), problemOf)
    .finally(() => {
      stdout?.end();
      stderr?.end();
    });
  return {
    stdin: options.stdin ? inputOf(guest) : undefined,
    stdout,
    stderr,
    ended,
    pid: () => pid,
    resize: ({ rows, columns }) => guest.resize(rows, columns),
    kill: (signal) => guest.signal(parseSignal(signal)),
  };
}

function inputOf(guest: GuestExec): Writable {
  return new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      guest.write(chunk).then(() => done(), done);
    },
    final(done) {
      guest.endInput();
      done();
    },
  });
}

/** In the words by which Docker's clients know that a command could not be run. */
function problemOf(error: unknown): ExecResult {
  if (!(error instanceof CannotRun)) throw error;
  const problem = commandProblem(error.message);
  const text = `OCI runtime exec failed: exec failed: ${problem ?? error.message}: unknown`;
  const missing =
    problem === undefined ? /no such file or directory/i.test(error.message) : problem.includes("not found");
  return { exitCode: missing ? 127 : 126, error: text };
}
