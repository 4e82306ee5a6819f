import { createHash } from "node:crypto";
import { codec } from "./messages.ts";

/** BuildKit's description of a build: operations that name each other by digests, the last one naming the result. */
export interface Definition {
  readonly def: readonly Uint8Array[];
  readonly metadata: Readonly<Record<string, object>>;
}

/** Something that is there before a build: a repository, a URL, an image, or what another build has made. */
export interface DefinedSource {
  readonly identifier: string;
  readonly attrs: Readonly<Record<string, string>>;
}

interface Operation {
  readonly inputs: ReadonlyArray<{ readonly digest: string; readonly index: number }>;
  readonly source: DefinedSource | null;
}

const operations = codec<Operation>("Operation");

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** The definition that consists of one source alone. */
export function definitionOf(source: DefinedSource): Definition {
  const operation = operations.encode({ source });
  const last = operations.encode({ inputs: [{ digest: digestOf(operation), index: 0 }] });
  return { def: [operation, last], metadata: { [digestOf(operation)]: {}, [digestOf(last)]: {} } };
}

/** The source that a definition consists of; undefined when it describes anything more. */
export function sourceOf({ def }: Definition): DefinedSource | undefined {
  const last = def.at(-1);
  if (last === undefined) return undefined;
  const { inputs, source } = operations.decode(last);
  const [input] = inputs;
  if (source || inputs.length !== 1 || input!.index !== 0) return undefined;
  const named = def.find((bytes) => digestOf(bytes) === input!.digest);
  const operation = named && operations.decode(named);
  if (!operation?.source || operation.inputs.length > 0) return undefined;
  return operation.source;
}

export const isEmptyDefinition = (definition: Definition | null): definition is null =>
  definition === null || definition.def.length === 0;
