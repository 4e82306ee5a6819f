import { TemplateError } from "./lex.ts";
import { isTrue, show, sprintf } from "./values.ts";

type TemplateFunction = (...args: unknown[]) => unknown;

/** Every function a template may call; `and` and `or` are here for the values only, see evaluate. */
export const templateFunctions: Readonly<Record<string, TemplateFunction>> = {
  and: (...args) => args.find((arg) => !isTrue(arg)) ?? args.at(-1),
  or: (...args) => args.find(isTrue) ?? args.at(-1),
  not: (value) => !isTrue(value),
  eq: (first, ...others) => others.some((other) => same(first, other)),
  ne: (a, b) => !same(a, b),
  lt: (a, b) => compare(a, b) < 0,
  le: (a, b) => compare(a, b) <= 0,
  gt: (a, b) => compare(a, b) > 0,
  ge: (a, b) => compare(a, b) >= 0,
  len: length,
  index: (value, ...keys) => keys.reduce(indexOne, value),
  slice: (value, from, to) => (value as string).slice((from as number) ?? 0, to as number | undefined),
  print: (...args) => args.map(show).join(""),
  println: (...args) => `${args.map(show).join(" ")}\n`,
  printf: (format, ...args) => sprintf(String(format), args),
  json: (value) => JSON.stringify(value ?? null),
  join: (list, separator) => ((list as unknown[] | null) ?? []).map(show).join(String(separator)),
  split: (text, separator) => String(text).split(String(separator)),
  upper: (text) => String(text).toUpperCase(),
  lower: (text) => String(text).toLowerCase(),
  title: (text) =>
    String(text).replace(/(^|[^\p{L}\p{N}_'])(\p{L})/gu, (_, before, letter) => before + letter.toUpperCase()),
  pad: (text, before, after) =>
    text === "" ? "" : " ".repeat(before as number) + String(text) + " ".repeat(after as number),
  truncate: (text, length) => [...String(text)].slice(0, length as number).join(""),
};

function same(a: unknown, b: unknown): boolean {
  if (a !== null && b !== null && a !== undefined && b !== undefined && typeof a !== typeof b) {
    throw new TemplateError("incompatible types for comparison");
  }
  return a === b;
}

function compare(a: unknown, b: unknown): number {
  if (typeof a !== typeof b) throw new TemplateError("incompatible types for comparison");
  return (a as number) < (b as number) ? -1 : a === b ? 0 : 1;
}

function length(value: unknown): number {
  if (typeof value === "string") return Buffer.byteLength(value);
  if (Array.isArray(value)) return value.length;
  if (typeof value === "object" && value !== null) return Object.keys(value).length;
  if (value === null) return 0;
  throw new TemplateError(`len of type ${typeof value}`);
}

/** An item of a list or map. A key that a map lacks gives "", the zero value of the maps people index. */
function indexOne(value: unknown, key: unknown): unknown {
  if (value === null || value === undefined || value === "") {
    if (typeof key === "string") return "";
    throw new TemplateError("index of untyped nil");
  }
  if (Array.isArray(value) || typeof value === "string") {
    if (typeof key !== "number") throw new TemplateError(`cannot index slice/array with type ${typeof key}`);
    if (key < 0 || key >= value.length) throw new TemplateError(`error calling index: index out of range: ${key}`);
    return value[key];
  }
  if (typeof value !== "object") throw new TemplateError(`can't index item of type ${typeof value}`);
  const name = String(key);
  return Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : "";
}
