import { shortId } from "../../base/id.ts";
import { type BuildEntry, buildEvents, inspectBuild, listBuilds, removeBuild } from "../../client/builds.ts";
import { buildDisplay } from "../build/build-display.ts";
import type { BuildEvent } from "../build/build-log.ts";
import { command } from "../command.ts";
import { forEachArgument } from "../each.ts";
import { usageError } from "../exit.ts";
import { filterFlag, filtersOf, formatFlag } from "../flags/shared.ts";
import { ago } from "../format/human.ts";
import { type Fields, formatList } from "../format/list.ts";
import { inspectEach } from "../inspect/inspect-each.ts";

/** How the engine is asked for the latest build. */
const latest = "latest";

export const buildsLs = command({
  summary: "List builds, the latest first",
  usage: "[OPTIONS]",
  args: { min: 0, max: 0 },
  flags: {
    filter: filterFlag,
    format: formatFlag,
    "no-trunc": { type: "bool", help: "Do not shorten" },
    quiet: { type: "bool", short: "q", help: "Print ids only" },
  },
  examples: [
    ["isle builds ls", "What was built, how it ended, and how much came from the cache"],
    ["isle builds ls -f status=error -f since=24h", "What failed in the last day"],
  ],
  async run({ flags, client, io }) {
    const items = await listBuilds(client, filtersOf(flags.filter));
    const fields = buildFields(!flags["no-trunc"]);
    if (flags.quiet && flags.format === "") {
      await io.stdout.write(items.map((item) => `${fields["ID"]!.value(item)}\n`).join(""));
      return undefined;
    }
    const columns = ["ID", "Name", "Status", "CreatedAt", "Duration", "Steps", "Cached"];
    await io.stdout.write(await formatList(items, { fields, columns, format: flags.format }));
    return undefined;
  },
});

const buildFields = (trunc: boolean): Fields<BuildEntry> => ({
  ID: { header: "BUILD ID", value: ({ Id }) => (trunc ? shortId(Id) : Id) },
  Name: { header: "NAME", value: ({ Name }) => Name },
  Status: { header: "STATUS", value: ({ Status }) => Status },
  Error: { header: "ERROR", value: ({ Error: error }) => error },
  CreatedAt: { header: "CREATED", value: ({ CreatedAt }) => ago(Date.parse(CreatedAt) / 1000) },
  Duration: { header: "DURATION", value: durationOf },
  Steps: { header: "STEPS", value: ({ FinishedSteps, Steps }) => `${FinishedSteps}/${Steps}` },
  Cached: { header: "CACHED", value: ({ CachedSteps }) => String(CachedSteps) },
  Warnings: { header: "WARNINGS", value: ({ Warnings }) => String(Warnings) },
});

function durationOf({ CreatedAt, EndedAt }: BuildEntry): string {
  const end = EndedAt === "" ? Date.now() : Date.parse(EndedAt);
  return `${((end - Date.parse(CreatedAt)) / 1000).toFixed(1)}s`;
}

export const buildsInspect = command({
  summary: "Show all that is known of builds",
  usage: "[OPTIONS] [BUILD...]",
  args: { min: 0 },
  flags: { format: { ...formatFlag, short: "f", help: "Output form: json or a Go template" } },
  examples: [["isle builds inspect -f '{{.Error}}'", "Why the latest build failed"]],
  run(context) {
    const { args, flags, client } = context;
    const names = args.length > 0 ? args : [latest];
    return inspectEach({ ...context, args: names }, { format: flags.format, fetch: (id) => inspectBuild(client, id) });
  },
});

export const buildsLogs = command({
  summary: "Show what a build said; of one that runs, until it ends",
  usage: "[OPTIONS] [BUILD]",
  args: { min: 0, max: 1 },
  flags: { progress: { type: "string", default: "plain", help: "plain or rawjson" } },
  examples: [["isle builds logs", "What the latest build said"]],
  async run({ args, flags, client, io }) {
    if (!["plain", "rawjson"].includes(flags.progress)) {
      throw usageError(`invalid progress mode: ${flags.progress}: it is plain or rawjson`);
    }
    const display = buildDisplay({ progress: flags.progress, quiet: false }, { ...io, output: io.stdout });
    for await (const { at, event } of buildEvents<BuildEvent>(client, args[0] ?? latest)) await display.take(event, at);
    await display.end();
    return undefined;
  },
});

export const buildsRm = command({
  summary: "Remove builds from the history; what they made stays",
  usage: "[OPTIONS] [BUILD...]",
  args: { min: 0 },
  flags: { all: { type: "bool", help: "Every build that has ended" } },
  examples: [["isle builds rm --all", "Forget all builds that have ended"]],
  async run(context) {
    const { args, flags, client } = context;
    if (args.length === 0 && !flags.all) throw usageError("name a build, or say --all");
    const ended = flags.all ? (await listBuilds(client)).filter(({ EndedAt }) => EndedAt !== "") : [];
    const names = flags.all ? ended.map(({ Id }) => Id) : args;
    return await forEachArgument({ ...context, args: names }, async (id) => (await removeBuild(client, id)).Id);
  },
});
