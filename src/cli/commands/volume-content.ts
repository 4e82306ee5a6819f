import { formatBytes } from "../../base/size.ts";
import {
  type CopyMethod,
  cloneVolume,
  exportVolume,
  importVolume,
  listSnapshots,
  removeSnapshot,
  restoreSnapshot,
  type Snapshot,
  takeSnapshot,
} from "../../client/volumes.ts";
import { command } from "../command.ts";
import { forEachArgument } from "../each.ts";
import { fileChunks, inputChunks, refuseTerminal, writeStream } from "../file-stream.ts";
import { formatFlag } from "../flags/shared.ts";
import { type Fields, formatList } from "../format/list.ts";

const howCopied: Record<CopyMethod, string> = {
  reflink: "blocks are shared with the origin until one of them changes",
  copy: "copied in full: this file system cannot share blocks",
};

const snapshotFlag = { type: "string", help: "Its content at this snapshot instead of now", value: "name" } as const;

export const volumeSnapshot = command({
  summary: "Keep the present content of a volume",
  usage: "VOLUME [NAME]",
  args: { min: 1, max: 2 },
  completes: "volumes",
  flags: {},
  examples: [["isle volume snapshot data before-upgrade", "Containers that write to it stand still for the moment"]],
  async run({ args, client, print, warn }) {
    const { Name, Method } = await takeSnapshot(client, args[0]!, args[1] ?? "");
    await print(Name);
    await warn(howCopied[Method]);
    return undefined;
  },
});

export const volumeLsSnapshots = command({
  summary: "List the snapshots of a volume",
  usage: "[OPTIONS] VOLUME",
  args: { min: 1, max: 1 },
  completes: "volumes",
  flags: { format: formatFlag, quiet: { type: "bool", short: "q", help: "Print names only" } },
  async run({ flags, args, client, io }) {
    const items = await listSnapshots(client, args[0]!);
    if (flags.quiet) await io.stdout.write(items.map(({ Name }) => `${Name}\n`).join(""));
    else await io.stdout.write(await formatList(items, { fields, columns: Object.keys(fields), format: flags.format }));
    return undefined;
  },
});

const fields: Fields<Snapshot> = {
  Name: { header: "NAME", value: ({ Name }) => Name },
  CreatedAt: { header: "CREATED", value: ({ CreatedAt }) => CreatedAt },
  Size: { header: "SIZE", value: ({ Size }) => formatBytes(Size, 3) },
  Method: { header: "METHOD", value: ({ Method }) => Method },
};

export const volumeRmSnapshot = command({
  summary: "Remove snapshots of a volume",
  usage: "VOLUME SNAPSHOT [SNAPSHOT...]",
  args: { min: 2 },
  completes: "volumes",
  flags: {},
  run(context) {
    const [volume = "", ...args] = context.args;
    return forEachArgument({ ...context, args }, async (name) => {
      await removeSnapshot(context.client, volume, name);
      return name;
    });
  },
});

export const volumeRestore = command({
  summary: "Give a volume the content of a snapshot back",
  usage: "VOLUME SNAPSHOT",
  args: { min: 2, max: 2 },
  completes: "volumes",
  flags: {},
  async run({ args, client, print, warn }) {
    const { Method } = await restoreSnapshot(client, args[0]!, args[1]!);
    await print(args[0]!);
    await warn(howCopied[Method]);
    return undefined;
  },
});

export const volumeClone = command({
  summary: "Make a volume with the content of another",
  usage: "[OPTIONS] VOLUME NEW-VOLUME",
  args: { min: 2, max: 2 },
  completes: "volumes",
  flags: { snapshot: snapshotFlag },
  async run({ flags, args, client, print, warn }) {
    const made = await cloneVolume(client, args[0]!, { target: args[1]!, snapshot: flags.snapshot });
    await print(made.Name!);
    await warn(howCopied[made.Method]);
    return undefined;
  },
});

export const volumeExport = command({
  summary: "Write a volume's content to a tar archive with a checksum",
  usage: "[OPTIONS] VOLUME",
  args: { min: 1, max: 1 },
  completes: "volumes",
  flags: {
    output: { type: "string", short: "o", help: "Write to this file instead of stdout", value: "file" },
    snapshot: snapshotFlag,
  },
  examples: [["isle volume export data | ssh backup isle volume import - data", "A volume on another machine"]],
  async run({ flags, args, client, io }) {
    refuseTerminal(flags.output, io.stdout);
    const { body } = await exportVolume(client, args[0]!, flags.snapshot);
    await writeStream(body, flags.output, io.stdout);
    return undefined;
  },
});

export const volumeImport = command({
  summary: "Make a volume of an export, once its checksum fits",
  usage: "[OPTIONS] FILE|- VOLUME",
  args: { min: 2, max: 2 },
  completes: "files",
  flags: {
    label: { type: "list", help: "Set a label" },
    opt: { type: "list", short: "o", help: "Option of the driver", value: "key=value" },
  },
  async run({ flags, args, client, io, print }) {
    const [source, name] = args as [string, string];
    const body = source === "-" ? inputChunks(io.stdin) : await fileChunks(source);
    await print((await importVolume(client, { name, opt: flags.opt, label: flags.label }, body)).Name!);
    return undefined;
  },
});
