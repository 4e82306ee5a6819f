import { command } from "../command.ts";
import { formatFlag } from "../flags/shared.ts";
import { findObject } from "../inspect/find-object.ts";
import { inspectEach } from "../inspect/inspect-each.ts";

const inspectFormat = { ...formatFlag, short: "f", help: "Output form: json or a Go template" } as const;
const sizeFlag = { type: "bool", short: "s", help: "Work out the size of containers, too" } as const;

export const inspect = command({
  summary: "Show all that is known of containers, images, networks or volumes",
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  args: { min: 1 },
  completes: "containers",
  flags: {
    format: inspectFormat,
    size: sizeFlag,
    type: { type: "string", help: "Look for this type only: container, image, network, volume" },
  },
  examples: [["isle inspect -f '{{.State.Status}}' web", "One fact of a container"]],
  run(context) {
    const { flags, client } = context;
    return inspectEach(context, { format: flags.format, fetch: (name) => findObject(client, name, flags) });
  },
});

export const inspectContainers = command({
  summary: "Show all that is known of containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  args: { min: 1 },
  completes: "containers",
  flags: { format: inspectFormat, size: sizeFlag },
  run(context) {
    const { flags, client } = context;
    const fetch = (name: string) =>
      client.text("GET", `/containers/${encodeURIComponent(name)}/json`, { query: { size: flags.size } });
    return inspectEach(context, { format: flags.format, fetch });
  },
});

export const inspectImages = command({
  summary: "Show all that is known of images",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  args: { min: 1 },
  completes: "images",
  flags: { format: inspectFormat, platform: { type: "string", help: "Show the image of this platform" } },
  run(context) {
    const { flags, client } = context;
    const path = (name: string) => `/images/${name.split("/").map(encodeURIComponent).join("/")}/json`;
    const query = { platform: flags.platform, manifests: true };
    const fetch = (name: string) => client.text("GET", path(name), { query });
    return inspectEach(context, { format: flags.format, fetch });
  },
});

export const inspectNetworks = command({
  summary: "Show all that is known of networks",
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  args: { min: 1 },
  completes: "networks",
  flags: { format: inspectFormat, verbose: { type: "bool", short: "v", help: "Show more" } },
  run(context) {
    const { flags, client } = context;
    const fetch = (name: string) =>
      client.text("GET", `/networks/${encodeURIComponent(name)}`, { query: { verbose: flags.verbose } });
    return inspectEach(context, { format: flags.format, fetch });
  },
});

export const inspectVolumes = command({
  summary: "Show all that is known of volumes",
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  args: { min: 1 },
  completes: "volumes",
  flags: { format: inspectFormat },
  run(context) {
    const { flags, client } = context;
    const fetch = (name: string) => client.text("GET", `/volumes/${encodeURIComponent(name)}`);
    return inspectEach(context, { format: flags.format, fetch });
  },
});
