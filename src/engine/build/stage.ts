import { messageOf } from "../../base/error.ts";
import { type Platform, parsePlatform } from "../../base/platform.ts";
import { now } from "../../base/time.ts";
import { atLines, type Stage } from "../../core/build/dockerfile.ts";
import { expandWord } from "../../core/build/expand.ts";
import { historyLine } from "../../core/build/history-line.ts";
import { applyToConfig, joinDirectory } from "../../core/build/image-config.ts";
import type { Instruction, InstructionOf } from "../../core/build/instruction.ts";
import { parseInstruction } from "../../core/build/parse-instruction.ts";
import { notePlace } from "../../core/build/source.ts";
import type { ImageConfigFile, ImageRunConfig } from "../../core/image.ts";
import type { Build, StageResult } from "./build.ts";
import { copyStep } from "./copy-step.ts";
import { layerOfFiles } from "./files-layer.ts";
import type { BuildStep } from "./request.ts";
import { runStep } from "./run-step.ts";
import { layersNamed, sourceNamed } from "./sources.ts";
import { expanded, expansionOf, note, type StageState, timeOf } from "./stage-state.ts";
import { workdirStep } from "./workdir-step.ts";

export async function buildStage(build: Build, stage: Stage): Promise<StageResult> {
  const [first, ...steps] = build.stepsOf(stage);
  const state = await inStep(build, first!, async () => ({
    state: await beginStage(build, stage),
    cached: false,
  })).then((done) => done.state);
  const triggers = (state.config.run.OnBuild ?? []).map((text) => triggered(text, stage));
  state.config = { ...state.config, run: { ...state.config.run, OnBuild: null } };
  for (const trigger of triggers) await perform(state, trigger);
  for (const instruction of stage.instructions) {
    if (instruction.kind === "arg") declareArgs(state, instruction);
    else await inStep(build, steps.shift()!, (step) => performAt(state, instruction, step));
  }
  const { layers, args, platform } = state;
  return {
    ...{ config: configFile(state), layers, args, platform, madeFor: build.platform },
    isOfPlatform: triggers.some(inheritsArgs),
    materials: [...build.materials.values()],
  };
}

const inheritsArgs = (trigger: Instruction): boolean =>
  trigger.kind === "arg" && trigger.args.some(({ value }) => value === undefined);

async function inStep<T extends { readonly cached: boolean }>(
  { request, signal, told }: Build,
  step: BuildStep,
  work: (step: BuildStep) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const isOurs = !told.has(step.number);
  if (isOurs) {
    told.set(step.number, "begun");
    request.onEvent({ kind: "start", step });
  }
  try {
    const done = await work(step);
    if (isOurs) request.onEvent({ kind: "end", step, cached: done.cached });
    return done;
  } catch (error) {
    const isNew = told.get(step.number) !== "failed";
    told.set(step.number, "failed");
    if (!signal.aborted && isNew) request.onEvent({ kind: "failed", step, message: messageOf(error) });
    throw error;
  }
}

function triggered(text: string, stage: Stage): Instruction {
  const [, keyword = "", rest = ""] = /^(\S+)\s*([\s\S]*)$/.exec(text) ?? [];
  return {
    ...parseInstruction({ keyword: keyword.toUpperCase(), rest, heredocs: [] }),
    raw: stage.from.raw,
    lines: stage.from.lines,
    written: text,
  };
}

async function beginStage(build: Build, stage: Stage): Promise<StageState> {
  const { dockerfile, globals } = build;
  const options = { escapeChar: dockerfile.escapeChar };
  const asked =
    stage.from.platform &&
    atLines(dockerfile.source, stage.from.lines, () => expandWord(stage.from.platform!, globals, options));
  const wanted = asked ? parsePlatform(asked) : build.platform;
  const { config, layers, args, platform = wanted } = await baseOf(build, stage, wanted);
  return {
    build,
    stage,
    platform,
    base: config,
    config: { run: withPath(config?.config ?? {}), hasOwnCommand: false, author: config?.author },
    layers: [...layers],
    lastKey: undefined,
    time: config?.created ?? now(),
    history: [...(config?.history ?? [])],
    args: new Map(args),
  };
}

const emptyImage = ({ os, architecture, variant }: Platform): ImageConfigFile => ({
  ...{ os, architecture, ...(variant && { variant }) },
  config: { WorkingDir: "/" },
  rootfs: { type: "layers", diff_ids: [] },
});

/** Steps and what runs from the image find their programs even where the base says nothing. */
function withPath(run: ImageRunConfig): ImageRunConfig {
  const env = run.Env ?? [];
  return { ...run, Env: env.some((entry) => entry.startsWith("PATH=")) ? [...env] : [defaultPath, ...env] };
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

async function baseOf(
  build: Build,
  stage: Stage,
  platform: Platform,
): Promise<Pick<StageResult, "config" | "layers"> & Partial<StageResult>> {
  const name = build.bases.get(stage.index)!;
  if (name === "scratch") return { config: emptyImage(platform), layers: [] };
  const place = { build, stage, platform };
  const source = await sourceNamed(place, name);
  if (source.kind !== "files") return await layersNamed(place, source);
  return { config: emptyImage(platform), layers: [await layerOfFiles(build, name, source.files)] };
}

async function performAt(state: StageState, instruction: Instruction, step?: BuildStep): Promise<{ cached: boolean }> {
  try {
    return { cached: await perform(state, instruction, step) };
  } catch (error) {
    if (state.build.signal.aborted || !(error instanceof Error)) throw error;
    const { dockerfile } = state.build.request;
    const { lines } = instruction;
    if ("code" in error) {
      notePlace(error, { source: dockerfile, lines });
      throw error;
    }
    return atLines(dockerfile, lines, () => {
      throw error;
    });
  }
}

/** Carries out one instruction. Returns true when the cache had its result. */
async function perform(state: StageState, instruction: Instruction, step?: BuildStep): Promise<boolean> {
  switch (instruction.kind) {
    case "arg":
      declareArgs(state, instruction);
      return false;
    case "run":
      return await runStep(state, instruction, step);
    case "copy":
    case "add":
      return await copyStep(state, instruction);
    case "workdir":
      return await workdirStep(
        state,
        joinDirectory(state.config.run.WorkingDir || "/", expanded(state, instruction.text)),
      );
    default: {
      const expansion = expansionOf(state);
      state.config = applyToConfig(state.config, instruction, expansion) ?? state.config;
      const line = historyLine(instruction, state.config, expansion);
      if (line !== undefined) note(state, line, { empty: true });
      return true;
    }
  }
}

function declareArgs(state: StageState, { args }: InstructionOf<"arg">): void {
  const { build } = state;
  const { args: given } = build.request;
  const words = args.map(({ name, value }) => {
    const fallback = value === undefined ? inherited(build, name) : expanded(state, value);
    const chosen = given.get(name) ?? fallback;
    state.args.set(name, chosen);
    return chosen === undefined ? name : `${name}=${chosen}`;
  });
  note(state, `ARG ${words.join(" ")}`, { empty: true });
}

/** An ARG without a value takes that of the global ARG or of the platform variable of its name. */
function inherited({ globals, platformArgs }: Build, name: string): string | undefined {
  return globals.get(name) ?? platformArgs.get(name);
}

function configFile(state: StageState): ImageConfigFile {
  const { base, config, platform, history, layers } = state;
  const { os, architecture, variant } = base ?? platform;
  return {
    ...(config.author !== undefined && { author: config.author }),
    architecture,
    os,
    ...(variant && { variant }),
    created: timeOf(state),
    config: withoutUnset(config.run),
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history,
  };
}

const withoutUnset = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined && each !== null)) as T;
