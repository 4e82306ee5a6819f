import { formatPlatform, type Platform, parsePlatform } from "../../base/platform.ts";
import { findStage, type Stage } from "../../core/build/dockerfile.ts";
import { expandWord } from "../../core/build/expand.ts";
import { namesUsed } from "../../core/build/plan.ts";
import { cacheKey } from "./build.ts";
import type { PreparedBuild } from "./prepared-build.ts";
import type { BuildRequest } from "./request.ts";
import { namedContext } from "./sources.ts";

/** The platform of a stage's files: what its FROM says, else that of the stage it stands on, else the build's. */
export function platformOf(prepared: PreparedBuild, stage: Stage): Platform {
  const { dockerfile, globals, bases, platform } = prepared;
  const { escapeChar } = dockerfile;
  const asked = stage.from.platform && expandWord(stage.from.platform, globals, { escapeChar });
  if (asked) return parsePlatform(asked);
  const below = findStage(dockerfile.stages, bases.get(stage.index)!, stage.index);
  return below ? platformOf(prepared, below) : platform;
}

export interface Identities {
  of(stage: Stage): string;
  /** Of the stage when so many of its instructions are done. */
  after(stage: Stage, instructions: number): string;
}

/**
 * Tells what a stage's result depends on, as far as builds of one Dockerfile for several platforms can differ: two stages of
 * the same identity are one. What an ONBUILD of an image takes is not known here.
 */
export function stageIdentities(prepared: PreparedBuild, { named }: Pick<BuildRequest, "named">): Identities {
  const { dockerfile, globals, platformArgs, bases, platform } = prepared;
  const known = new Map<number, string>();
  const identityOf = (stage: Stage): string => {
    const identity = known.get(stage.index) ?? makeIdentity(stage, stage.instructions);
    known.set(stage.index, identity);
    return identity;
  };
  const makeIdentity = (stage: Stage, instructions: Stage["instructions"]): string => {
    const own = platformOf(prepared, stage);
    const base = bases.get(stage.index)!;
    const used = namesUsed({ ...stage, instructions }, base);
    const stages = used.flatMap((name) => {
      const other = namedContext(named, name, own) ? undefined : findStage(dockerfile.stages, name, stage.index);
      return other ? [identityOf(other)] : [];
    });
    const inherited = instructions
      .flatMap((instruction) => (instruction.kind === "arg" ? instruction.args : []))
      .filter(({ value }) => value === undefined)
      .map(({ name }) => [name, globals.get(name) ?? platformArgs.get(name) ?? null]);
    // A name that a variable makes may be that of any stage.
    const any = used.some((name) => name.includes("$")) ? formatPlatform(platform) : null;
    return cacheKey(stage.index, formatPlatform(own), base, stages, inherited, any);
  };
  return { of: identityOf, after: (stage, count) => makeIdentity(stage, stage.instructions.slice(0, count)) };
}
