import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { IsleError, unsupported } from "../../base/error.ts";
import { withUndo } from "../../base/undo.ts";
import { writeFileAtomic } from "../../os/files.ts";
import { processStart } from "../../os/proc.ts";
import { annotation } from "../annotations.ts";
import { endCgroup, makeCgroup } from "../cgroup.ts";
import type { CommandLine } from "../command-line.ts";
import { refuseHooksInside, runHooks } from "../hooks.ts";
import { findKernel, type GuestKernel } from "../kernel/kernels.ts";
import { explained, startRelay } from "../launch.ts";
import { bringUpMachine, defaultDomain } from "../machine.ts";
import { relayMonitor } from "../monitor.ts";
import { machineFiles, machineUser, templatesDirectory } from "../places.ts";
import { type ContainerPlan, planContainer, planWake } from "../plan/container.ts";
import { planLimits, planShape } from "../plan/shape.ts";
import { claimAhead } from "../pool/ahead.ts";
import { claimSpare, mayTakeSpare, type Spare, spareKey } from "../pool/spare.ts";
import { knownAcceleration } from "../qemu/acceleration.ts";
import type { MachineShape } from "../qemu/arguments.ts";
import { processorOf } from "../qemu/counter.ts";
import { type RuntimeSpec, readSpec } from "../runtime-spec.ts";
import type { SavedFiles } from "../saved/save-machine.ts";
import { openSaved } from "../saved/saved-machine.ts";
import { filterOf } from "../seccomp-filter.ts";
import { smallFile } from "../small-file.ts";
import { type MachineState, newStateDirectory, removeState, writeState } from "../state.ts";
import { templateKey } from "../template/key.ts";
import { leaveTemplateMaker } from "./template.ts";

/** Makes a virtual machine for the bundle's container and the process that stands for it; nothing of it runs yet. */
export async function createCommand(line: CommandLine): Promise<void> {
  const { root, options, words } = line;
  const [id = ""] = words;
  const bundle = resolve(String(options["bundle"] ?? "."));
  const spec = readSpec(bundle);
  refuseUnsupported(spec);
  refuseHooksInside(spec);
  const state = await withUndo(async (undo) => {
    const { directory, ...prepared } = await prepare(line, spec, id);
    undo.add(() => removeState(root, id));
    const cgroups = makeCgroup(spec.linux.cgroupsPath || `/isle-vm/${id}`, planLimits(spec));
    // The machine lives as long as this process, and would keep its group.
    undo.add(() => endCgroup(cgroups));
    const consoleSocket = options["console-socket"] as string | undefined;
    const made = await make({ spec, directory, bundle, cgroups, id, consoleSocket, ...prepared }).catch((error) => {
      throw explained(directory, error);
    });
    undo.add(() => process.kill(made.pid, "SIGKILL"));
    writeState(root, made);
    if (line.templates === undefined) await leaveTemplateMaker(spec, made);
    runHooks([...(spec.hooks?.["prestart"] ?? []), ...(spec.hooks?.["createRuntime"] ?? [])], made, "creating");
    return made;
  });
  const pidFile = options["pid-file"];
  if (pidFile) writeFileAtomic(String(pidFile), String(state.pid));
}

interface Prepared {
  readonly templates: string;
  readonly shape: MachineShape;
  readonly kernel: GuestKernel;
  readonly plan: ContainerPlan;
  readonly spare: Spare | undefined;
  readonly saved: SavedFiles | undefined;
}

/** Everything that is computed, and the state directory: a new one, or that of a machine that waits. */
async function prepare(
  { root, pool, templates = templatesDirectory() }: CommandLine,
  spec: RuntimeSpec,
  id: string,
): Promise<Prepared & { directory: string }> {
  const saved = annotation(spec, "restore");
  if (saved)
    return { ...(await prepareSaved(spec, saved)), templates, ...(await claim({ root, pool, key: undefined }, id)) };
  const image = annotation(spec, "image");
  const plan = planContainer(spec, {
    rootOnDisk: image !== undefined,
    input: true,
    filter: await filterOf(spec),
    bootId: crypto.randomUUID(),
    smallFile,
  });
  const kernel = await findKernel(annotation(spec, "kernel"));
  const shape = planShape(spec, { shared: plan.shares.length > 0, ...processorOf(knownAcceleration().kind) });
  const wantsSpare = pool && image && !shape.shared && mayTakeSpare(spec);
  const domain = annotation(spec, "domain") ?? defaultDomain;
  const key = wantsSpare ? spareKey(templateKey(shape, kernel, domain), image) : undefined;
  return { templates, shape, kernel, plan, saved: undefined, ...(await claim({ root, pool, key }, id)) };
}

interface SpareWanted {
  readonly root: string;
  readonly pool: string | undefined;
  /** Of a machine that waits for anybody who wants such a one. */
  readonly key: string | undefined;
}

/** The state directory: that of a machine which was started for this workload, or waits for any, or a new one. */
async function claim({ root, pool, key }: SpareWanted, id: string) {
  const directory = newStateDirectory(root, id);
  const spare = pool && ((await claimAhead(pool, id, directory)) ?? (key && claimSpare(pool, key, directory)));
  if (!spare) mkdirSync(directory, { mode: 0o700 });
  return { directory, spare: spare || undefined };
}

/** A machine that goes on has the shape that it was saved with. */
async function prepareSaved(spec: RuntimeSpec, from: string): Promise<Omit<Prepared, "templates" | "spare">> {
  const { shape, kernel, memory, state } = openSaved(from, annotation(spec, "disk") ?? "");
  const frames = planWake(spec, { bootId: crypto.randomUUID(), smallFile });
  return {
    shape,
    kernel: await findKernel(kernel),
    plan: { frames, shares: [] },
    saved: { memory, state },
  };
}

interface Making extends Prepared {
  readonly spec: RuntimeSpec;
  readonly directory: string;
  readonly bundle: string;
  readonly cgroups: readonly string[];
  readonly id: string;
  readonly consoleSocket: string | undefined;
}

async function make(making: Making): Promise<MachineState> {
  const { spec, directory, bundle, cgroups, id, consoleSocket, plan } = making;
  writeFileSync(join(directory, machineFiles.plan), plan.frames, { mode: 0o600 });
  const machine = await bringUpMachine({ ...making, shares: plan.shares, image: annotation(spec, "image") });
  const network = spec.linux.namespaces.find(({ type }) => type === "network");
  const pid = await startRelay({
    directory,
    keeper: machine.keeper,
    netns: network ? (network.path ?? "new") : undefined,
    terminal: spec.process.terminal ?? false,
    consoleSocket,
    ephemeral: annotation(spec, "ephemeral") === "true",
    user: machineUser,
    cgroups,
  });
  if (making.saved) await restored(directory);
  return {
    id,
    bundle,
    ociVersion: spec.ociVersion,
    annotations: spec.annotations ?? {},
    pid,
    pidStart: processStart(pid) ?? 0,
    keeper: machine.keeper,
    machine: machine.machine,
    cgroups,
    memoryMiB: making.shape.memoryMiB,
    shape: making.shape,
    kernel: making.kernel.name,
    created: new Date().toISOString(),
    started: false,
    paused: false,
    helpers: machine.helpers,
  };
}

const restorePatienceMs = 60_000;

/** Returns when the machine stands where it was saved, ready to go on; fails with QEMU's words when it does not. */
async function restored(directory: string): Promise<void> {
  const monitor = relayMonitor(directory);
  const end = Date.now() + restorePatienceMs;
  while (((await monitor.ask("query-status")) as { status: string }).status === "inmigrate") {
    if (Date.now() > end) throw new IsleError("internal", "the saved microVM was not loaded in time");
    await Bun.sleep(2);
  }
}

/** What a kernel of its own makes impossible. */
function refuseUnsupported(spec: RuntimeSpec): void {
  const namespaces = spec.linux.namespaces ?? [];
  if (!namespaces.some(({ type }) => type === "network")) {
    throw unsupported("a microVM has a network of its own: it cannot be on the host's");
  }
  const joined = namespaces.find(({ type, path }) => path && type !== "network");
  if (joined) throw unsupported(`a microVM cannot join the ${joined.type} namespace of another container`);
}
