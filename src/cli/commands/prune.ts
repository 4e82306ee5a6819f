import { formatBytes } from "../../base/size.ts";
import { type Filters, type PruneResponse, prune, pruneBuildCache } from "../../client/containers.ts";
import { type Context, command } from "../command.ts";
import { confirm } from "../confirm.ts";
import { Exit, usageError } from "../exit.ts";
import { filtersOf, forceFlag, longFilterFlag } from "../flags/shared.ts";

const flags = { filter: longFilterFlag, force: forceFlag } as const;
const usage = "[OPTIONS]";
const args = { min: 0, max: 0 } as const;

export const containerPrune = command({
  summary: "Remove containers that do not run",
  usage,
  args,
  flags,
  async run(context) {
    await ask(context, "WARNING! This will remove all stopped containers.");
    await report(context, [await prune(context.client, "containers", filtersOf(context.flags.filter))]);
    return undefined;
  },
});

const imagePruneFlags = {
  ...flags,
  all: { type: "bool", short: "a", help: "Every image no container uses, not only those without a name" },
} as const;

export const imagePrune = command({
  summary: "Remove images that nothing uses",
  usage,
  args,
  flags: imagePruneFlags,
  async run(context) {
    const { all, filter } = context.flags;
    const what = all ? "all images without at least one container associated to them" : "all dangling images";
    await ask(context, `WARNING! This will remove ${what}.`);
    const filters = { ...filtersOf(filter), dangling: [String(!all)] };
    await report(context, [await prune(context.client, "images", filters)]);
    return undefined;
  },
});

export const networkPrune = command({
  summary: "Remove networks that no container uses",
  usage,
  args,
  flags,
  async run(context) {
    await ask(context, "WARNING! This will remove all custom networks not used by at least one container.");
    const { NetworksDeleted } = await prune(context.client, "networks", filtersOf(context.flags.filter));
    if (NetworksDeleted?.length) await context.print(`Deleted Networks:\n${NetworksDeleted.join("\n")}\n`);
    return undefined;
  },
});

export const volumePrune = command({
  summary: "Remove volumes that no container uses",
  usage,
  args,
  flags: { ...flags, all: { type: "bool", short: "a", help: "Named ones, too" } },
  async run(context) {
    const { all, filter } = context.flags;
    const filters = filtersOf(filter);
    if (all && filters["all"]) throw usageError("conflicting options: cannot specify both --all and --filter all=1");
    const what = all ? "all local volumes" : "anonymous local volumes";
    await ask(context, `WARNING! This will remove ${what} not used by at least one container.`);
    await report(context, [await prune(context.client, "volumes", { ...filters, ...(all && { all: ["true"] }) })]);
    return undefined;
  },
});

const builderPruneFlags = {
  ...flags,
  all: { type: "bool", short: "a", help: "Steps that images stand on and cache mounts, too" },
  "keep-storage": { type: "bytes", value: "BYTES", help: "Keep the most recently used, up to this size" },
  "reserved-space": { type: "bytes", value: "BYTES", help: "The same" },
  "max-used-space": { type: "bytes", value: "BYTES", help: "Keep no more than this, but what is reserved" },
  "min-free-space": { type: "bytes", value: "BYTES", help: "Remove until so much of the disk is free" },
} as const;

export const builderPrune = command({
  summary: "Forget cached build steps",
  usage,
  args,
  flags: builderPruneFlags,
  async run(context) {
    const { all, filter, ...limits } = context.flags;
    await ask(context, `WARNING! This will remove ${all ? "all" : "all dangling"} build cache.`);
    const query = {
      ...{ all, filters: filtersOf(filter), "reserved-space": limits["reserved-space"] || limits["keep-storage"] },
      ...{ "max-used-space": limits["max-used-space"], "min-free-space": limits["min-free-space"] },
    };
    await report(context, [await pruneBuildCache(context.client, query)]);
    return undefined;
  },
});

const systemPruneFlags = { ...imagePruneFlags, volumes: { type: "bool", help: "Anonymous volumes, too" } } as const;

export const systemPrune = command({
  summary: "Remove everything that nothing uses",
  usage,
  args,
  flags: systemPruneFlags,
  async run(context) {
    const { client, flags: given } = context;
    await ask(context, systemWarning(given));
    const filters = filtersOf(given.filter);
    const results: PruneResponse[] = [];
    for (const kind of ["containers", "networks", ...(given.volumes ? ["volumes" as const] : [])] as const) {
      results.push(await prune(client, kind, withoutUntil(kind, filters)));
    }
    results.push(await prune(client, "images", { ...filters, dangling: [String(!given.all)] }));
    results.push(await pruneBuildCache(client, { all: given.all, filters: onlyUntil(filters) }));
    await report(context, results);
    return undefined;
  },
});

/** Volumes have no age to go by. */
function withoutUntil(kind: string, filters: Filters): Filters {
  const { until, ...others } = filters as Record<string, readonly string[]>;
  return kind === "volumes" || until === undefined ? others : { ...others, until };
}

/** Cached steps have no labels. */
function onlyUntil(filters: Filters): Filters {
  const { until } = filters as Record<string, readonly string[]>;
  return until === undefined ? {} : { until };
}

function systemWarning({ all, volumes }: { all: boolean; volumes: boolean }): string {
  const parts = [
    "all stopped containers",
    "all networks not used by at least one container",
    ...(volumes ? ["all anonymous volumes not used by at least one container"] : []),
    all ? "all images without at least one container associated to them" : "all dangling images",
    all ? "all build cache" : "unused build cache",
  ];
  return `WARNING! This will remove:\n${parts.map((part) => `  - ${part}\n`).join("")}`;
}

async function ask({ flags: { force }, io }: Context<typeof flags>, question: string): Promise<void> {
  if (!force && !(await confirm(io, question))) throw new Exit(0);
}

async function report({ print }: Pick<Context, "print">, results: readonly PruneResponse[]): Promise<void> {
  const lists: readonly (readonly [string, readonly string[]])[] = results.flatMap((result) => [
    ["Deleted Containers", result.ContainersDeleted ?? []],
    ["Deleted Networks", result.NetworksDeleted ?? []],
    ["Deleted Volumes", result.VolumesDeleted ?? []],
    ["Deleted Images", (result.ImagesDeleted ?? []).map(imageLine)],
    ["Deleted build cache objects", result.CachesDeleted ?? []],
  ]);
  for (const [title, names] of lists) {
    if (names.length > 0) await print(`${title}:\n${names.join("\n")}\n`);
  }
  const bytes = results.reduce((sum, { SpaceReclaimed }) => sum + (SpaceReclaimed ?? 0), 0);
  await print(`Total reclaimed space: ${formatBytes(bytes)}`);
}

const imageLine = ({ Untagged, Deleted }: { Untagged?: string; Deleted?: string }): string =>
  Untagged ? `untagged: ${Untagged}` : `deleted: ${Deleted}`;
