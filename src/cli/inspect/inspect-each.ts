import { messageOf } from "../../base/error.ts";
import type { Context } from "../command.ts";
import { errorText } from "../error-text.ts";
import { Exit } from "../exit.ts";
import { indentJson } from "./indent-json.ts";

export interface InspectOptions {
  readonly format: string;
  /** The JSON of one object as the daemon sent it. */
  fetch(name: string): Promise<string>;
}

/** How a command line ends whose template cannot be read. */
const badTemplateCode = 64;

type InspectContext = Pick<Context, "args" | "io" | "warn">;

/** Prints what is known of each argument: a JSON list, JSON lines or a template. Failures come after the rest. */
export async function inspectEach(
  { args, io, warn }: InspectContext,
  { format, fetch }: InspectOptions,
): Promise<number> {
  const show = await formatter(format);
  const found: string[] = [];
  const errors: string[] = [];
  for (const name of args) {
    try {
      found.push(show((await fetch(name)).trim()));
    } catch (error) {
      errors.push(errorText(error));
    }
  }
  await io.stdout.write(joined(found, format));
  for (const error of errors) await warn(error);
  return errors.length > 0 ? 1 : 0;
}

function joined(found: readonly string[], format: string): string {
  if (format === "json") return `[${found.join(",")}]\n`;
  return format === "" ? jsonList(found) : found.map((text) => `${text}\n`).join("");
}

const jsonList = (items: readonly string[]): string =>
  items.length === 0 ? "[]\n" : `[\n${items.map((item) => `    ${item}`).join(",\n")}\n]\n`;

async function formatter(format: string): Promise<(json: string) => string> {
  if (format === "") return (json) => indentJson(json, 1);
  if (format === "json") return (json) => json;
  const { compileTemplate } = await import("../template/evaluate.ts");
  const guard = <T>(code: number, work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw new Exit(code, `template parsing error: template: :1: ${messageOf(error)}`);
    }
  };
  const text = format.replaceAll("\\t", "\t").replaceAll("\\n", "\n");
  const template = guard(badTemplateCode, () => compileTemplate(text));
  return (json) => guard(1, () => template(JSON.parse(json)));
}
