import { invalid } from "./error.ts";
import { encodeFile } from "./tar/encode.ts";

/** Name of the last entry of a context archive of which only the changed files came: a JSON object of all facts. */
export const factsName = ".isle-context-facts";

/**
 * What a client says of each file, by path, in words of its own choosing: a file whose facts are the same as before has not
 * changed.
 */
export type ContextFacts = ReadonlyMap<string, string>;

/** The archive's entry that tells the facts. */
export function* factsEntry(facts: ContextFacts): Generator<Uint8Array, void> {
  yield* encodeFile(factsName, Buffer.from(JSON.stringify(Object.fromEntries(facts))));
}

/** Reads the facts that came with a context. */
export function parseFacts(text: string): ContextFacts {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw invalid("the facts of the build context are no JSON object");
  }
  return new Map(Object.entries(parsed).map(([path, fact]) => [path, String(fact)]));
}
