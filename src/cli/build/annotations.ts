import { messageOf } from "../../base/error.ts";
import { parsePlatform } from "../../base/platform.ts";
import { usageError } from "../exit.ts";

const levels = ["index", "index-descriptor", "manifest", "manifest-descriptor"];

/** `[LEVEL[PLATFORM],…:]KEY=VALUE` as attributes of an output. */
export function readAnnotations(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(texts.filter((text) => text !== "").flatMap(readAnnotation));
}

function readAnnotation(text: string): Array<[name: string, value: string]> {
  const [, left, value] = /^([^=]*)=([\s\S]*)$/.exec(text) ?? [];
  if (left === undefined) throw usageError(`invalid annotation "${text}", expected key=value`);
  const at = left.indexOf(":");
  if (at < 0) return [[`annotation.${left}`, value!]];
  const key = left.slice(at + 1);
  return left
    .slice(0, at)
    .split(",")
    .map((type) => [`annotation${attributeOf(type)}.${key}`, value!]);
}

/** What comes between the attribute's first word and the key. */
function attributeOf(type: string): string {
  const [, level, platform] = /^([a-z-]+)(?:\[([A-Za-z0-9_/-]+)\])?$/.exec(type) ?? [];
  if (level === undefined) {
    throw usageError(`invalid annotation type "${type}", expected type and optional platform in square brackets`);
  }
  if (!levels.includes(level))
    throw usageError(`unknown annotation type "${level}": it is one of ${levels.join(", ")}`);
  if (platform === undefined) return `-${level}`;
  try {
    parsePlatform(platform);
  } catch (error) {
    throw usageError(`invalid platform "${platform}": ${messageOf(error)}`);
  }
  return `-${level}[${platform}]`;
}
