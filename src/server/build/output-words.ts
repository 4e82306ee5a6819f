import { invalid } from "../../base/error.ts";
import { type AttestWishes, parseAttests } from "../../engine/build/attest/attest-words.ts";
import { imageSource, parseCacheSource, parseCacheTarget } from "../../engine/build/cache/cache-words.ts";
import { type BuildOutput, type OutputWords, parseOutput } from "../../engine/build/outputs/output.ts";
import type { BuildRequest } from "../../engine/build/request.ts";
import type { Query } from "../query.ts";

/** Outputs of a request in BuildKit's words; an image in the store where there are none. */
export function outputsOf(query: Query): BuildOutput[] {
  const tags = query.all("t").filter(Boolean);
  const given = wordsOf(query, "outputs");
  return (given.length > 0 ? given : [{ type: "image", attributes: {} }]).map((words) => parseOutput(words, tags));
}

/** Caches of a request: isle's own client has BuildKit's words for them, the classic API names images. */
export function cachesOf(query: Query): Pick<BuildRequest, "cacheFrom" | "cacheTo"> {
  if (!query.flag("events")) return { cacheFrom: namesOf(query, "cachefrom").map(imageSource), cacheTo: [] };
  return {
    cacheFrom: wordsOf(query, "cachefrom").map(parseCacheSource),
    cacheTo: wordsOf(query, "cacheto").map(parseCacheTarget),
  };
}

/** What shall attest to the build, by type. */
export const attestsOf = (query: Query): AttestWishes =>
  parseAttests(textObject("attests", query.json("attests") ?? {}));

function namesOf(query: Query, name: string): string[] {
  const given = query.json(name) ?? [];
  const isNames = Array.isArray(given) && given.every((each) => typeof each === "string");
  if (!isNames) throw invalid(`invalid value for ${name}: want a list of names`);
  return given.filter(Boolean);
}

function wordsOf(query: Query, name: string): OutputWords[] {
  const given = query.json(name) ?? [];
  if (!Array.isArray(given)) throw invalid(`invalid value for ${name}: want a list`);
  return given.map((each: { Type?: unknown; Attrs?: unknown } | null) => {
    if (typeof each?.Type !== "string") throw invalid(`type is required in ${name}`);
    return { type: each.Type, attributes: textObject(name, each.Attrs ?? {}) };
  });
}

function textObject(name: string, value: unknown): Record<string, string> {
  const isTexts =
    typeof value === "object" && value !== null && Object.values(value).every((each) => typeof each === "string");
  if (!isTexts) throw invalid(`invalid value for ${name}: attributes are texts`);
  return value as Record<string, string>;
}
