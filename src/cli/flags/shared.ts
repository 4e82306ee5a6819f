import { splitOnce } from "../split-once.ts";
import type { Flag } from "./flag.ts";

/** Flags that many commands have in the same form. */
export const formatFlag = {
  type: "string",
  help: 'Output form: table, json, or a Go template, which "table " may precede',
} as const satisfies Flag;

export const filterFlag = {
  type: "list",
  short: "f",
  help: "Show only what fits, such as label=KEY",
  value: "name=value",
  check: checkFilter,
} as const satisfies Flag;

export const longFilterFlag = {
  type: "list",
  help: "Only what fits, such as until=24h",
  value: "name=value",
  check: checkFilter,
} as const satisfies Flag;

export const forceFlag = { type: "bool", short: "f", help: "Do not ask for confirmation" } as const satisfies Flag;

function checkFilter(text: string): string {
  if (text !== "" && !text.includes("=")) throw new Error("bad format of filter (expected name=value)");
  return text;
}

/** Filters as the daemon takes them. */
export function filtersOf(texts: readonly string[]): Record<string, string[]> {
  const filters: Record<string, string[]> = {};
  for (const text of texts.filter((text) => text !== "")) {
    const [name, value = ""] = splitOnce(text, "=");
    const key = name.trim().toLowerCase();
    filters[key] = [...(filters[key] ?? []), value.trim()];
  }
  return filters;
}
