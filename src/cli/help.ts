import type { Command } from "./command.ts";
import type { CommandEntry } from "./commands/table.ts";
import type { Flag, FlagTable, FlagType } from "./flags/flag.ts";
import { wrap } from "./format/wrap.ts";

const program = "isle";

export const usageLines = (name: string, usage: Command["usage"]): string[] =>
  (typeof usage === "string" ? [usage] : usage).map((form) => `${program} ${name} ${form}`.trimEnd());

/** The help of one command. */
export function commandHelp(
  paths: readonly string[],
  { usage, summary, examples, flags }: Command,
  columns = 80,
): string {
  const sections = [`Usage:  ${usageLines(paths[0]!, usage).join("\n        ")}`, summary];
  if (paths.length > 1)
    sections.push(
      `Aliases:\n  ${[...paths]
        .sort()
        .map((path) => `${program} ${path}`)
        .join(", ")}`,
    );
  if (examples?.length)
    sections.push(`Examples:\n${examples.map(([line, does]) => `  # ${does}\n  ${line}`).join("\n")}`);
  const options = flagsHelp(flags, columns);
  if (options !== "") sections.push(`Options:\n${options}`);
  return `${sections.join("\n\n")}\n`;
}

/** One indented entry for each flag that is not hidden, sorted by name. */
function flagsHelp(flags: FlagTable, columns = 80): string {
  const shown = Object.entries(flags).filter(([, flag]) => !flag.hidden);
  const rows = shown
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, flag]) => [flagLabel(name, flag), flagText(flag)] as const);
  return twoColumns(rows, columns);
}

const typeNames: Record<FlagType, string> = {
  bool: "",
  string: "string",
  int: "int",
  uint: "uint",
  bytes: "bytes",
  duration: "duration",
  decimal: "decimal",
  list: "list",
  strings: "strings",
  map: "map",
};

function flagLabel(name: string, flag: Flag): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  return `${short}--${name} ${flag.value ?? typeNames[flag.type]}`.trimEnd();
}

export function flagText({ help, default: preset, env }: Flag): string {
  const shownDefault =
    preset === undefined || preset === false || preset === "" ? "" : ` (default ${JSON.stringify(preset)})`;
  return `${help}${shownDefault}${env === undefined ? "" : ` [$${env}]`}`;
}

function twoColumns(rows: readonly (readonly [string, string])[], columns: number): string {
  const left = Math.max(...rows.map(([label]) => label.length), 0) + 3;
  const room = Math.max(columns - left - 2, 24);
  return rows
    .map(([label, text]) => `  ${label.padEnd(left)}${wrap(text, room).join(`\n${" ".repeat(left + 2)}`)}`)
    .join("\n");
}

export interface Listed {
  readonly name: string;
  readonly summary: string;
}

/** The help of a group such as `network`. */
export function groupHelp(group: string, commands: readonly Listed[]): string {
  const rows = commands.map(({ name, summary }) => [name, summary] as const);
  return [
    `Usage:  ${program} ${group} COMMAND`,
    groupSummaries[group] ?? "",
    `Commands:\n${twoColumns(rows, 120)}`,
    `Run '${program} ${group} COMMAND --help' for more information on a command.`,
    "",
  ]
    .join("\n\n")
    .trimEnd()
    .concat("\n");
}

export const groupSummaries: Readonly<Record<string, string>> = {
  container: "Work with containers",
  image: "Work with images",
  network: "Work with networks",
  volume: "Work with volumes",
  builder: "Work with the cache of builds",
  system: "Look after the engine",
};

const common = ["run", "exec", "ps", "build", "pull", "push", "images", "login", "logout", "version", "info"];

/** The help of the program itself. */
export function programHelp(commands: readonly Listed[], globals: FlagTable): string {
  const top = commands.filter(({ name }) => !name.includes(" "));
  const listed = (filter: (name: string) => boolean) =>
    twoColumns(
      top.filter(({ name }) => filter(name)).map(({ name, summary }) => [name, summary]),
      120,
    );
  const first = common.flatMap((name) => top.filter((entry) => entry.name === name));
  return [
    `Usage:  ${program} [OPTIONS] COMMAND`,
    "One engine for every degree of isolation: containers, sandboxes and virtual machines",
    `Common commands:\n${twoColumns(
      first.map(({ name, summary }) => [name, summary]),
      120,
    )}`,
    `Groups:\n${twoColumns(Object.entries(groupSummaries), 120)}`,
    `Commands:\n${listed((name) => !common.includes(name))}`,
    `Options:\n${flagsHelp(globals)}`,
    `Run '${program} COMMAND --help' for more information on a command.`,
  ]
    .join("\n\n")
    .concat("\n");
}

/** Names and summaries of entries, as `under` a group or of all. */
export async function listCommands(entries: readonly CommandEntry[], under?: string): Promise<Listed[]> {
  const listed: Listed[] = [];
  for (const { paths, load } of entries) {
    const { summary, hidden } = await load();
    if (hidden) continue;
    const path = under === undefined ? paths[0]! : paths.find((candidate) => candidate.startsWith(`${under} `));
    if (path !== undefined) listed.push({ name: under === undefined ? path : path.slice(under.length + 1), summary });
  }
  return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
}
