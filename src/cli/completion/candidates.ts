import type { Client } from "../../client/client.ts";
import { listContainers } from "../../client/containers.ts";
import { listImages } from "../../client/images.ts";
import { listNetworks } from "../../client/networks.ts";
import { listVolumes } from "../../client/volumes.ts";
import type { Command } from "../command.ts";
import { commandTable } from "../commands/table.ts";
import type { FlagTable } from "../flags/flag.ts";
import { globalFlags } from "../global-flags.ts";
import { groupSummaries, listCommands } from "../help.ts";

/** Tells the shell to complete paths. */
const files = ":files";

/** What may stand in the place of the last word, one a line, each with what it means after a tab. */
export async function candidates(words: readonly string[], client: Client): Promise<string[]> {
  const typed = words.at(-1) ?? "";
  const before = words.slice(0, -1).filter((word, index) => !(index === 0 && word === ""));
  const found = findCommand(before);
  if (found === undefined)
    return matching(typed, typed.startsWith("-") ? flagLines(globalFlags) : await commandLines(before));
  const command = await found.load();
  const previous = words.at(-2) ?? "";
  if (takesValue(command.flags, previous)) return [files];
  if (typed.startsWith("-")) return matching(typed, flagLines(command.flags));
  if (command.completes === "files") return [files];
  return matching(typed, await names(command.completes, client));
}

function findCommand(before: readonly string[]) {
  const plain = before.filter((word) => !word.startsWith("-"));
  return [2, 1]
    .filter((length) => plain.length >= length)
    .map((length) => commandTable.find(({ paths }) => paths.includes(plain.slice(0, length).join(" "))))
    .find((entry) => entry !== undefined);
}

async function commandLines(before: readonly string[]): Promise<string[]> {
  const group = before.find((word) => Object.hasOwn(groupSummaries, word));
  const listed = await listCommands(commandTable, group);
  const own = listed.filter(({ name }) => !name.includes(" ")).map(({ name, summary }) => `${name}\t${summary}`);
  return group === undefined
    ? [...own, ...Object.entries(groupSummaries).map(([name, text]) => `${name}\t${text}`)]
    : own;
}

const flagLines = (flags: FlagTable): string[] =>
  Object.entries(flags)
    .filter(([, { hidden }]) => !hidden)
    .map(([name, { help }]) => `--${name}\t${help}`);

function takesValue(flags: FlagTable, word: string): boolean {
  const entry = Object.entries(flags).find(
    ([name, { short }]) => word === `--${name}` || (short && word === `-${short}`),
  );
  return entry !== undefined && entry[1].type !== "bool";
}

/** Names the daemon knows; none when it does not answer. */
async function names(kind: Command["completes"], client: Client): Promise<string[]> {
  try {
    if (kind === "containers" || kind === "running") {
      const items = await listContainers(client, { all: kind === "containers" });
      return items.map(({ Names, Image }) => `${(Names?.[0] ?? "").replace(/^\//, "")}\t${Image}`);
    }
    if (kind === "images") return (await listImages(client)).flatMap(({ RepoTags }) => RepoTags ?? []);
    if (kind === "networks") return (await listNetworks(client)).map(({ Name, Driver }) => `${Name}\t${Driver}`);
    if (kind === "volumes") return ((await listVolumes(client)).Volumes ?? []).map(({ Name }) => Name ?? "");
  } catch {
    // completion stays silent
  }
  return [];
}

const matching = (typed: string, lines: readonly string[]): string[] => lines.filter((line) => line.startsWith(typed));
