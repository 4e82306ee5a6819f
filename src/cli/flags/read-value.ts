import { parseBytes } from "../../base/size.ts";
import { parseDuration } from "../../base/time.ts";
import type { Flag, FlagType, FlagTypes } from "./flag.ts";

/** The value of `text`, added to what the flag holds `before` where it is repeatable. Throws with the reason. */
export function readValue(flag: Flag, text: string, before: unknown): FlagTypes[FlagType] {
  const checked = flag.check === undefined ? text : flag.check(text);
  if (flag.type === "list") return [...((before as string[]) ?? []), checked];
  if (flag.type === "strings") return [...((before as string[]) ?? []), ...checked.split(",")];
  if (flag.type === "map") return { ...(before as object), ...pair(checked) };
  return readers[flag.type](checked);
}

const readers = {
  bool: readBool,
  string: (text: string) => text,
  int: (text: string) => readInteger(text, "ParseInt", /^[+-]?\d+$/),
  uint: (text: string) => readInteger(text, "ParseUint", /^\d+$/),
  bytes: readBytes,
  duration: parseDuration,
  decimal: readDecimal,
};

function readBool(text: string): boolean {
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  if (["0", "f", "F", "FALSE", "false", "False"].includes(text)) return false;
  throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function readInteger(text: string, parser: string, pattern: RegExp): number {
  if (!pattern.test(text)) throw new Error(`strconv.${parser}: parsing ${JSON.stringify(text)}: invalid syntax`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    throw new Error(`strconv.${parser}: parsing ${JSON.stringify(text)}: value out of range`);
  }
  return value;
}

function readBytes(text: string): number {
  return text === "-1" ? -1 : parseBytes(text);
}

function readDecimal(text: string): string {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) throw new Error(`failed to parse ${text} as a rational number`);
  return text;
}

function pair(text: string): Record<string, string> {
  const equals = text.indexOf("=");
  return equals === -1 ? { [text]: "" } : { [text.slice(0, equals)]: text.slice(equals + 1) };
}
