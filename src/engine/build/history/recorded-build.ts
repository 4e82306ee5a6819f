import { formatPlatform } from "../../../base/platform.ts";
import { familiarReference, parseReference } from "../../../base/reference.ts";
import { type BuildOutcome, buildImage } from "../build-image.ts";
import type { BuildDeps } from "../deps.ts";
import type { BuildRequest } from "../request.ts";

interface About {
  /** The history's name for the build. */
  readonly id: string;
  /** Where its files are from. */
  readonly context: string;
}

/** Builds, and keeps a record of it. */
export async function recordedBuild(deps: BuildDeps, request: BuildRequest, about: About): Promise<BuildOutcome> {
  const given = [...request.args].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  const running = deps.journal.begin({
    ...about,
    name: nameOf(request, about),
    dockerfile: request.dockerfile.name,
    target: request.target,
    platform: request.platforms.map(formatPlatform).join(","),
    args: Object.fromEntries(given),
  });
  const onEvent: BuildRequest["onEvent"] = (event) => {
    running.take(event);
    request.onEvent(event);
  };
  try {
    const outcome = await buildImage(deps, { ...request, onEvent });
    running.completed(outcome.facts);
    return outcome;
  } catch (error) {
    running.failed(error);
    throw error;
  }
}

/** Its first name for people, else where its files are from. */
function nameOf({ outputs, dockerfile }: BuildRequest, { context }: About): string {
  const named = outputs.flatMap((output) => ("names" in output ? output.names : [])).map(familiarName)[0];
  return named ?? (context === "" ? dockerfile.name : `${context}/${dockerfile.name}`);
}

const familiarName = (name: string): string => familiarReference(parseReference(name));
