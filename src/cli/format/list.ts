import { messageOf } from "../../base/error.ts";
import { usageError } from "../exit.ts";
import { formatTable } from "./table.ts";

/** One column a list can show. */
interface Field<T> {
  readonly header: string;
  /** What is shown; a function is called with the arguments a template gives it, and is in no JSON. */
  readonly value: (item: T) => unknown;
}

export type Fields<T> = Readonly<Record<string, Field<T>>>;

export interface ListFormat<T> {
  readonly fields: Fields<T>;
  /** Names of the columns of the plain table. */
  readonly columns: readonly string[];
  /** The user's `--format`; empty or `table` for the plain table. */
  readonly format: string;
}

/** A list as Docker prints it: a table, JSON lines, or a template for each item. Throws Exit for a bad template. */
export async function formatList<T>(items: readonly T[], { fields, columns, format }: ListFormat<T>): Promise<string> {
  if (format === "" || format === "table") {
    const shown = columns.map((name) => fields[name]!);
    const rows = items.map((item) => shown.map((field) => plain(field.value(item))));
    return formatTable([shown.map((field) => field.header), ...rows]);
  }
  if (format === "json") return items.map((item) => `${escapeHtml(JSON.stringify(sorted(fields, item)))}\n`).join("");
  return formatByTemplate(items, fields, format);
}

/** Go writes these signs as escapes in JSON, so that it may stand inside HTML. */
const escapeHtml = (json: string): string =>
  json.replace(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);

const plain = (value: unknown): string => (typeof value === "string" ? value : String(value));

function sorted<T>(fields: Fields<T>, item: T): Record<string, unknown> {
  const names = Object.keys(fields).sort();
  const entries = names.map((name) => [name, fields[name]!.value(item)] as const);
  return Object.fromEntries(entries.filter(([, value]) => typeof value !== "function"));
}

async function formatByTemplate<T>(items: readonly T[], fields: Fields<T>, format: string): Promise<string> {
  const isTable = /^table(\s|$)/.test(format);
  const text = (isTable ? format.replace(/^table\s+/, "") : format).replaceAll("\\t", "\t").replaceAll("\\n", "\n");
  const { compileTemplate } = await import("../template/evaluate.ts");
  const template = guard("failed to parse template: template: :1: ", () => compileTemplate(text));
  const lines = items.map((item) =>
    guard("failed to execute template: template: :1: ", () => template(lazily(fields, item))),
  );
  if (!isTable) return lines.map((line) => `${line}\n`).join("");
  const headers = Object.fromEntries(Object.entries(fields).map(([name, { header }]) => [name, header]));
  const header = guard("failed to execute template: template: :1: ", () => template(headers));
  return formatTable([header, ...lines].map((line) => line.split("\t")));
}

/** An object whose fields are worked out when the template asks for them. */
export function lazily<T>(fields: Fields<T>, item: T): object {
  const object = {};
  for (const name of Object.keys(fields).sort()) {
    Object.defineProperty(object, name, { enumerable: true, get: () => fields[name]!.value(item) });
  }
  return object;
}

function guard<T>(prefix: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw usageError(`${prefix}${messageOf(error)}`);
  }
}
