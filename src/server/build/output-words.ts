import { invalid } from "../../base/error.ts";
import { type BuildOutput, parseOutput } from "../../engine/build/outputs/output.ts";
import type { Query } from "../query.ts";

/** Outputs of a request in BuildKit's words; an image in the store where there are none. */
export function outputsOf(query: Query): BuildOutput[] {
  const tags = query.all("t").filter(Boolean);
  const given = query.json("outputs") ?? [];
  if (!Array.isArray(given)) throw invalid("invalid value for outputs: want a list");
  const words = given.length > 0 ? given : [{ Type: "image" }];
  return words.map(({ Type, Attrs }: { Type?: unknown; Attrs?: unknown }) => {
    if (typeof Type !== "string") throw invalid("type is required for output");
    return parseOutput({ type: Type, attributes: textObject("outputs", Attrs ?? {}) }, tags);
  });
}

function textObject(name: string, value: unknown): Record<string, string> {
  const isTexts =
    typeof value === "object" && value !== null && Object.values(value).every((each) => typeof each === "string");
  if (!isTexts) throw invalid(`invalid value for ${name}: attributes are texts`);
  return value as Record<string, string>;
}
