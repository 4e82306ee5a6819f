import type { Platform } from "../../base/platform.ts";
import type { Stage } from "../../core/build/dockerfile.ts";
import { expandWord, type Variables } from "../../core/build/expand.ts";
import type { Expansion, StageConfig } from "../../core/build/image-config.ts";
import type { ImageConfigFile, ImageHistory, ImageLayer } from "../../core/image.ts";
import type { Build } from "./build.ts";
import type { StepLayer } from "./new-layer.ts";
import { proxyVariables } from "./platform-variables.ts";

/** A stage on its way: what its instructions so far have made. */
export interface StageState {
  readonly build: Build;
  readonly stage: Stage;
  readonly platform: Platform;
  readonly base: ImageConfigFile | undefined;
  config: StageConfig;
  layers: readonly ImageLayer[];
  /** Key of the last step that made a layer. */
  lastKey: string | undefined;
  /** When what is so far was made. */
  time: string;
  readonly history: ImageHistory[];
  /** ARGs named so far, with the values they have; undefined for one without. */
  readonly args: Map<string, string | undefined>;
}

/** What instructions of the stage expand: its ENV, and beneath it its ARGs. */
export function expansionOf({ build, config, args }: StageState): Expansion {
  const env = (config.run.Env ?? []).map((entry) => {
    const at = entry.indexOf("=");
    return [entry.slice(0, at), entry.slice(at + 1)] as const;
  });
  const given = [...args].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return { variables: new Map([...given, ...env]), options: { escapeChar: build.dockerfile.escapeChar } };
}

export function expanded(state: StageState, text: string): string {
  const { variables, options } = expansionOf(state);
  return expandWord(text, variables, options);
}

/** Variables of a RUN: the stage's environment, its ARGs, and the client's proxies. */
export function runVariables(state: StageState): { env: string[]; args: string[] } {
  const { config, args, build } = state;
  const own = config.run.Env ?? [];
  const names = new Set(own.map((entry) => entry.split("=", 1)[0]));
  const declared = [...args]
    .filter(([name, value]) => value !== undefined && !names.has(name))
    .map(([name, value]) => `${name}=${value}`);
  const proxies = [...(build.request.args as Variables)].filter(
    ([name, value]) => proxyVariables.has(name) && value !== undefined && !names.has(name) && !args.has(name),
  );
  return { env: [...own, ...declared, ...proxies.map(([name, value]) => `${name}=${value}`)], args: declared };
}

/** Whether the stage's steps are run although the cache has them. */
export function ignoresCache({ build, stage }: StageState): boolean {
  const { uncached } = build.request;
  return uncached === "all" || uncached.has(stage.name ?? String(stage.index));
}

/** Puts a layer on top. Its time is when it was made, so that a build of cached steps gives the same image. */
export function pushLayer(
  state: StageState,
  { layer, createdAt }: StepLayer,
  { key, createdBy }: { key: string; createdBy: string },
): void {
  state.layers = [...state.layers, layer];
  state.lastKey = key;
  state.time = createdAt;
  note(state, createdBy, { empty: false });
}

export const chainOf = ({ layers }: Pick<StageState, "layers">) => layers.map(({ chainId }) => chainId);

export function note(state: StageState, createdBy: string, { empty }: { empty: boolean }): void {
  state.history.push({
    created: timeOf(state),
    created_by: createdBy,
    comment: "buildkit.dockerfile.v0",
    ...(empty && { empty_layer: true }),
  });
}

export const timeOf = ({ build, time }: StageState): string => {
  const { epoch } = build.request;
  return epoch === undefined ? time : new Date(epoch * 1000).toISOString();
};
