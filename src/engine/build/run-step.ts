import type { ContainerConfig } from "../../api/generated/engine-api.ts";
import { IsleError } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { now } from "../../base/time.ts";
import { commandWords } from "../../core/build/image-config.ts";
import type { Command, InstructionOf } from "../../core/build/instruction.ts";
import { heredocOpenings } from "../../core/build/logical-lines.ts";
import { parseRunMount, type RunMount } from "../../core/build/run-mount.ts";
import type { ImageLayer } from "../../core/image.ts";
import type { InstanceMount, InstanceRecord } from "../../core/instance.ts";
import type { MappedUsers } from "../../core/mapped-users.ts";
import { findInstance } from "../instance/find.ts";
import { bringUpToDate } from "../instance/guest-files.ts";
import { mergeConfig } from "../instance/merge-config.ts";
import { normalHost } from "../instance/normal-host.ts";
import { planNetworks } from "../instance/plan-networks.ts";
import { removeInstance } from "../instance/remove.ts";
import { startInstance } from "../instance/start.ts";
import { endProcess } from "../instance/stop.ts";
import { cacheKey } from "./build.ts";
import { checkRunnableHere } from "./emulators.ts";
import { layerOfRoot, stepLayer } from "./new-layer.ts";
import type { BuildStep } from "./request.ts";
import { bindRoot, prepareMounts } from "./run-mounts.ts";
import {
  chainOf,
  expanded,
  expansionOf,
  ignoresCache,
  pushLayer,
  runVariables,
  type StageState,
} from "./stage-state.ts";
import { stepUsers } from "./step-users.ts";

type Run = InstructionOf<"run">;

/** Runs a command on the stage's files and keeps what it changed. Returns true when the cache had that. */
export async function runStep(state: StageState, run: Run, step?: BuildStep): Promise<boolean> {
  const { request } = state.build;
  const { env } = runVariables(state);
  const mounts = run.mounts.map((text) => parseRunMount(expanded(state, text)));
  const script = scriptOf(run.command);
  const words = script ? [scriptTarget] : commandWords(withDocuments(run.command), state.config.run);
  const { User: user = "", WorkingDir: directory = "/" } = state.config.run;
  const sources = await Promise.all(mounts.map((mount) => mountDigest(state, mount)));
  const key = cacheKey(
    ...["run", chainOf(state).at(-1), words, script, ownVariables(state, env), user, directory],
    ...[run.network, run.security, sources, request.epoch],
    ...(request.host.UsernsMode === "host" ? ["userns", "host"] : []),
  );
  const shown = script ? commandWords({ form: "shell", text: scriptTarget, heredocs: [] }, state.config.run) : words;
  const { variables } = expansionOf(state);
  const told = [...state.args.keys()].map((name) => `${name}=${variables.get(name) ?? ""}`);
  const createdBy = ["RUN", ...(told.length > 0 ? [`|${told.length}`, ...told] : []), ...shown, "# buildkit"].join(" ");
  const place = { key, description: run.written, parent: state.lastKey, ignoresCache: ignoresCache(state) };
  const made = await stepLayer(state, place, () => execute(state, { run, words, script, env, mounts, step }));
  pushLayer(state, made, { key, createdBy });
  return made.cached;
}

/** Proxies must not make a cached step stale. */
function ownVariables(state: StageState, env: readonly string[]): readonly string[] {
  const { args, env: all } = runVariables(state);
  return all === env ? all : [...(state.config.run.Env ?? []), ...args];
}

const scriptTarget = "/dev/pipes/EOF";

/** A heredoc that is all of a RUN and begins with `#!` is a program of its own. */
function scriptOf(command: Command): string | undefined {
  if (command.form === "exec" || !isWholeDocument(command)) return undefined;
  const content = command.heredocs[0]!.content;
  return content.startsWith("#!") ? content : undefined;
}

function isWholeDocument({ text, heredocs }: Extract<Command, { form: "shell" }>): boolean {
  return heredocs.length === 1 && /^<<-?["']?[\w.]+["']?$/.test(text) && heredocOpenings(text).length === 1;
}

/** A shell gets the documents with the command, or as the command when there is nothing else. */
function withDocuments(command: Command): Command {
  if (command.form === "exec" || command.heredocs.length === 0) return command;
  if (isWholeDocument(command)) return { ...command, text: command.heredocs[0]!.content };
  const documents = command.heredocs.map(({ name, content }) => `\n${content}${name}`).join("");
  return { ...command, text: `${command.text}${documents}` };
}

/** What of a mount decides on the result: the files of a bind, the name of anything else. */
async function mountDigest(state: StageState, mount: RunMount): Promise<unknown> {
  if (mount.type !== "bind") return { type: mount.type, target: mount.target, id: mount.id };
  const root = await bindRoot(state, mount);
  const selection = { sources: [mount.source], excludes: [], target: "/", into: true, parents: false };
  return { target: mount.target, digest: await state.build.deps.archive.digestCopy(root, selection) };
}

interface Execution {
  readonly run: Run;
  readonly words: readonly string[];
  readonly script: string | undefined;
  readonly env: readonly string[];
  readonly mounts: readonly RunMount[];
  readonly step: BuildStep | undefined;
}

async function execute(state: StageState, execution: Execution): Promise<ImageLayer> {
  checkRunnableHere(state.build.deps, state.build.request, state.base ?? state.platform);
  const { deps, request, signal } = state.build;
  const id = newId();
  const users = await stepUsers(state.build, execution.run);
  const prepared = await prepareMounts(state, { id, mounts: execution.mounts, script: execution.script, users });
  try {
    deps.snapshots.prepare(id, chainOf(state), { places: prepared.places, mapped: users !== undefined });
    deps.machine.makeDirectory(deps.settings.paths.instance(id));
    deps.instances.insert(instanceOf(state, execution, { id, mounts: prepared.mounts, users }));
    deps.secretEnv.set(id, prepared.env);
    const end = await runToEnd(state, id, execution);
    signal.throwIfAborted();
    if (end.exitCode !== 0) throw commandFailed(execution, end, users);
    await bringUpToDate(deps, findInstance(deps, id));
    return await layerOfRoot(deps, id, { below: state.layers, epoch: request.epoch });
  } finally {
    deps.secretEnv.delete(id);
    if (deps.instances.get(id)) await removeInstance(deps, id, { force: true, volumes: true });
    await deps.snapshots.removeRoot(id);
    await prepared.release();
  }
}

function commandFailed({ words }: Execution, { exitCode, lastWords }: End, users: MappedUsers | undefined): IsleError {
  const wasForbidden = users !== undefined && /operation not permitted/i.test(lastWords);
  return new IsleError(
    "invalid",
    `process "${words.join(" ")}" did not complete successfully: exit code: ${exitCode}`,
    wasForbidden ? { hint: "if it needs root of the machine, as device nodes do: isle build --userns host" } : {},
  );
}

function instanceOf(
  state: StageState,
  { run, words, env }: Execution,
  more: { id: string; mounts: readonly InstanceMount[]; users: MappedUsers | undefined },
): InstanceRecord {
  const { deps, request } = state.build;
  const { User, WorkingDir } = state.config.run;
  const asked: ContainerConfig = {
    Entrypoint: [...words],
    Env: [...env],
    Hostname: "buildkitsandbox",
    ...(User !== undefined && { User }),
    ...(WorkingDir !== undefined && { WorkingDir }),
    AttachStdout: true,
    AttachStderr: true,
  };
  if (run.security === "insecure" && !request.host.Privileged) {
    throw new IsleError("forbidden", "security.insecure is not allowed for this build", {
      hint: "allow it with --allow security.insecure",
    });
  }
  const { Privileged: _, ...limits } = request.host;
  const network = run.network ?? (request.host.NetworkMode || "default");
  const host = normalHost(
    { ...limits, NetworkMode: network, ...(run.security === "insecure" && { Privileged: true }) },
    deps.machine.facts,
    deps.settings,
  );
  return {
    id: more.id,
    name: `build-${more.id.slice(0, 12)}`,
    purpose: "build",
    createdAt: now(),
    image: { id: "sha256:", name: "" },
    layers: chainOf(state),
    config: mergeConfig(asked, {}, more.id),
    host,
    networks: planNetworks(deps, host, {}),
    mounts: more.mounts,
    users: more.users,
    state: { status: "created" },
    restartCount: 0,
    stoppedByHand: false,
  };
}

interface End {
  readonly exitCode: number;
  /** The end of what it said. */
  readonly lastWords: string;
}

/** Starts the instance, passes its output on, and returns how it ended; ends it when the build is cancelled. */
async function runToEnd({ build }: StageState, id: string, { step }: Execution): Promise<End> {
  const { deps, request, signal } = build;
  const over = deps.signals.next(id, ["exited", "failed", "removed"]);
  const cancel = (): void => void endProcess(deps, id, { signal: 9, timeoutSeconds: 10 }).catch(() => {});
  try {
    await startInstance(deps, id);
  } catch (error) {
    over.catch(() => {});
    throw error;
  }
  if (signal.aborted) cancel();
  signal.addEventListener("abort", cancel, { once: true });
  let lastWords = Buffer.alloc(0);
  try {
    for await (const { stream, data } of deps.logs.follow(deps.settings.paths.log(id), undefined, over)) {
      if (step) request.onEvent({ kind: "output", step, stream, data });
      lastWords = Buffer.concat([lastWords, data.subarray(-lastWordsBytes)]).subarray(-lastWordsBytes);
    }
    const { exitCode = 0 } = await over;
    // What the end of the run gives back must not come between what follows.
    await deps.locks.run(id, async () => {});
    return { exitCode, lastWords: lastWords.toString() };
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}

/** A few lines. */
const lastWordsBytes = 1024;
