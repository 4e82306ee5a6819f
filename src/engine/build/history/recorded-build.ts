import { formatPlatform } from "../../../base/platform.ts";
import { familiarReference, parseReference } from "../../../base/reference.ts";
import type { BuildOutcome } from "../build-image.ts";
import type { BuildDeps } from "../deps.ts";
import type { BuildEvent, BuildRequest } from "../request.ts";

/** What is known of a build before any file of it. */
export interface RecordedBuild extends Pick<BuildRequest, "target" | "platforms" | "args" | "outputs"> {
  /** The history's name for the build. */
  readonly id: string;
  /** Where its files are from. */
  readonly context: string;
  /** Name of the Dockerfile. */
  readonly dockerfile: string;
}

/** Keeps a record of the work of a build, which tells its events to what it is given. */
export async function recordedBuild(
  deps: BuildDeps,
  about: RecordedBuild,
  work: (tell: (event: BuildEvent) => void) => Promise<BuildOutcome>,
): Promise<BuildOutcome> {
  const { id, context, dockerfile, target, platforms, args } = about;
  const given = [...args].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  const running = deps.journal.begin({
    ...{ id, context, dockerfile, target, name: nameOf(about) },
    platform: platforms.map(formatPlatform).join(","),
    args: Object.fromEntries(given),
  });
  try {
    const outcome = await work((event) => running.take(event));
    running.completed(outcome);
    return outcome;
  } catch (error) {
    running.failed(error);
    throw error;
  }
}

/** Its first name for people, else where its files are from. */
function nameOf({ outputs, dockerfile, context }: RecordedBuild): string {
  const named = outputs.flatMap((output) => ("names" in output ? output.names : [])).map(familiarName)[0];
  return named ?? (context === "" ? dockerfile : `${context}/${dockerfile}`);
}

const familiarName = (name: string): string => familiarReference(parseReference(name));
