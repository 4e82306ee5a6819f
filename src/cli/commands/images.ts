import type { ImageSummary } from "../../api/generated/engine-api.ts";
import { shortId } from "../../base/id.ts";
import { formatBytes } from "../../base/size.ts";
import { listImages } from "../../client/images.ts";
import { command } from "../command.ts";
import { filterFlag, filtersOf, formatFlag } from "../flags/shared.ts";
import { ago, goTime } from "../format/human.ts";
import { type Fields, formatList } from "../format/list.ts";

export const images = command({
  summary: "List images",
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  args: { min: 0, max: 1 },
  completes: "images",
  flags: {
    all: { type: "bool", short: "a", help: "Show intermediate images, too" },
    digests: { type: "bool", help: "Show digests" },
    filter: filterFlag,
    format: formatFlag,
    "no-trunc": { type: "bool", help: "Do not shorten" },
    quiet: { type: "bool", short: "q", help: "Print ids only" },
  },
  examples: [["isle images --filter dangling=true -q", "Ids of images that have no name any more"]],
  async run({ flags, args, client, config, io }) {
    const filters = filtersOf(flags.filter);
    if (args[0] !== undefined) filters["reference"] = [args[0]];
    const found = await listImages(client, { all: flags.all, filters });
    const format = flags.format || (flags.quiet ? "" : (config().data.imagesFormat ?? ""));
    const rows = found.flatMap((image) => namesOf(image, flags.digests || /\.Digest\b/.test(format)));
    const fields = imageFields(!flags["no-trunc"]);
    if (flags.quiet && format === "") {
      await io.stdout.write(rows.map((row) => `${fields["ID"]!.value(row)}\n`).join(""));
      return undefined;
    }
    const columns = ["Repository", "Tag", ...(flags.digests ? ["Digest"] : []), "ID", "CreatedSince", "Size"];
    await io.stdout.write(await formatList(rows, { fields, columns, format }));
    return undefined;
  },
});

/** One name of an image. */
export interface ImageRow {
  readonly image: ImageSummary;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

const none = "<none>";

/** A row for each name; names that are only digests matter when digests are shown. */
export function namesOf(image: ImageSummary, digests: boolean): ImageRow[] {
  const byRepository = new Map<string, { tags: string[]; digests: string[] }>();
  const entry = (name: string) => {
    const found = byRepository.get(name) ?? { tags: [], digests: [] };
    byRepository.set(name, found);
    return found;
  };
  for (const name of image.RepoTags ?? []) {
    const colon = name.lastIndexOf(":");
    if (name !== "<none>:<none>") entry(name.slice(0, colon)).tags.push(name.slice(colon + 1));
  }
  for (const name of image.RepoDigests ?? []) {
    const at = name.indexOf("@");
    if (name !== "<none>@<none>") entry(name.slice(0, at)).digests.push(name.slice(at + 1));
  }
  if (byRepository.size === 0) return [{ image, repository: none, tag: none, digest: none }];
  return [...byRepository].flatMap(([repository, names]) => rowsOf(image, { repository, ...names }, digests));
}

function rowsOf(
  image: ImageSummary,
  names: { repository: string; tags: string[]; digests: string[] },
  showDigests: boolean,
): ImageRow[] {
  const { repository } = names;
  const tags = names.tags.length > 0 ? names.tags : [none];
  const digests = showDigests && names.digests.length > 0 ? names.digests : [none];
  return tags.flatMap((tag) => digests.map((digest) => ({ image, repository, tag, digest })));
}

/** What can be shown of an image. */
export function imageFields(trunc: boolean): Fields<ImageRow> {
  const count = (value: number | null | undefined) =>
    value === undefined || value === null || value < 0 ? "N/A" : String(value);
  const bytes = (value: number | null | undefined) =>
    value === undefined || value === null || value < 0 ? "N/A" : formatBytes(value);
  return {
    ID: { header: "IMAGE ID", value: ({ image }) => (trunc ? shortId(image.Id!) : image.Id) },
    Repository: { header: "REPOSITORY", value: ({ repository }) => repository },
    Tag: { header: "TAG", value: ({ tag }) => tag },
    Digest: { header: "DIGEST", value: ({ digest }) => digest },
    CreatedSince: { header: "CREATED", value: ({ image }) => ((image.Created ?? 0) > 0 ? ago(image.Created!) : "N/A") },
    CreatedAt: { header: "CREATED AT", value: ({ image }) => goTime(image.Created ?? 0) },
    VirtualSize: { header: "SIZE", value: ({ image }) => formatBytes(image.Size ?? 0) },
    Size: { header: "SIZE", value: ({ image }) => formatBytes(image.Size ?? 0, 3) },
    Containers: { header: "CONTAINERS", value: ({ image }) => count(image.Containers) },
    SharedSize: { header: "SHARED SIZE", value: ({ image }) => bytes(image.SharedSize) },
    UniqueSize: {
      header: "UNIQUE SIZE",
      value: ({ image }) => ((image.SharedSize ?? -1) < 0 ? "N/A" : formatBytes((image.Size ?? 0) - image.SharedSize!)),
    },
  };
}
