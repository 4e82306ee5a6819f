import type { Dockerfile, Stage } from "./dockerfile.ts";
import { expandWord, type Variables } from "./expand.ts";
import type { Instruction } from "./instruction.ts";
import { parseRunMount } from "./run-mount.ts";

/** What a target of a Dockerfile may be given: arguments, secrets, agents. */
export interface Outline {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly args: readonly OutlineArg[];
  readonly secrets: readonly OutlineMount[];
  readonly ssh: readonly OutlineMount[];
}

export interface OutlineArg {
  readonly name: string;
  readonly description: string | undefined;
  readonly value: string | undefined;
  readonly line: number;
}

export interface OutlineMount {
  readonly name: string;
  readonly required: boolean;
  readonly line: number;
}

/** A stage that can be built. */
export interface OutlineTarget {
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly base: string;
  readonly isDefault: boolean;
  readonly line: number;
}

interface Parts {
  readonly dockerfile: Dockerfile;
  readonly target: Stage;
  /** Stages that the target needs. */
  readonly stages: readonly Stage[];
  /** Values of the global arguments, and of those that the client gives. */
  readonly globals: Variables;
  readonly args: ReadonlyMap<string, string | undefined>;
}

export function outlineOf(parts: Parts): Outline {
  const { target, stages } = parts;
  const instructions = stages.flatMap((stage) => stage.instructions);
  const mounts = instructions.flatMap((instruction) => mountsOf(instruction));
  const named = (type: string): OutlineMount[] =>
    mounts.flatMap((mount) => (mount.type === type ? [{ name: mount.id, ...mount }] : [])).map(outlined);
  return {
    name: target.name,
    description: descriptionOf(target.from, target.name),
    args: argumentsOf(parts, instructions),
    secrets: named("secret"),
    ssh: named("ssh"),
  };
}

const outlined = ({ name, required, line }: OutlineMount): OutlineMount => ({ name, required, line });

export function targetsOf({ stages }: Dockerfile): OutlineTarget[] {
  return stages.map(({ index, name, from }) => ({
    name,
    description: descriptionOf(from, name),
    base: from.image,
    isDefault: index === stages.length - 1,
    line: from.lines.first,
  }));
}

function mountsOf(instruction: Instruction) {
  if (instruction.kind !== "run") return [];
  const line = instruction.lines.first;
  return instruction.mounts.map(parseRunMount).map(({ type, id, required }) => ({ type, id, required, line }));
}

/** Where a global argument is named again, it is told with the value and the place of the global one. */
function argumentsOf({ dockerfile, globals, args }: Parts, instructions: readonly Instruction[]): OutlineArg[] {
  const found = new Map<string, OutlineArg>();
  const known = new Map(globals);
  const outer = new Map(dockerfile.globalArgs.flatMap((each) => each.args.map(({ name }) => [name, each] as const)));
  const declared = instructions.flatMap((each) =>
    each.kind === "arg" ? each.args.map((arg) => ({ ...arg, at: each })) : [],
  );
  for (const { name, value, at } of declared) {
    const place = outer.get(name) ?? at;
    const given = args.get(name) ?? (value === undefined ? known.get(name) : expanded(value, known, dockerfile));
    if (given !== undefined) known.set(name, given);
    const line = place.lines.first;
    if (!found.has(name)) found.set(name, { name, description: descriptionOf(place, name), value: given, line });
  }
  return [...found.values()];
}

function expanded(value: string, variables: Variables, { escapeChar }: Dockerfile): string {
  try {
    return expandWord(value, variables, { escapeChar });
  } catch {
    return value;
  }
}

/** A comment right above that begins with the name. */
function descriptionOf({ raw }: Pick<Instruction, "raw">, name: string | undefined): string | undefined {
  const comment = raw.comments.at(-1);
  const isOfName = name !== undefined && comment?.split(/\s/, 1)[0] === name;
  return isOfName ? comment!.slice(name.length).trim() || undefined : undefined;
}
