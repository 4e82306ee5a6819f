import { pipeline } from "node:stream/promises";
import { invalid, unsupported } from "../../base/error.ts";
import { type Platform, parsePlatform } from "../../base/platform.ts";
import { formatBytes } from "../../base/size.ts";
import type { ImageRecord } from "../../core/image.ts";
import type { ImageDeps } from "../../engine/deps.ts";
import { imageHistory } from "../../engine/image/image-history.ts";
import { anyIndex } from "../../engine/image/image-index.ts";
import { fullTagOf } from "../../engine/image/image-name.ts";
import { importImage } from "../../engine/image/import-image.ts";
import { inspectImage } from "../../engine/image/inspect-image.ts";
import { imageFilterNames, listImages } from "../../engine/image/list-images.ts";
import { type LoadProgress, loadImages } from "../../engine/image/load-images.ts";
import { pruneFilterNames, pruneImages } from "../../engine/image/prune-images.ts";
import { removeImage } from "../../engine/image/remove-image.ts";
import { saveImages } from "../../engine/image/save-images.ts";
import { tagImage } from "../../engine/image/tag-image.ts";
import { encodeHistory, encodeInspect, encodeRemoval, encodeSummary } from "../encode/image.ts";
import { encodeIndexDescriptor, encodeManifests } from "../encode/image-manifests.ts";
import { atLeast, type Exchange, empty, json, type Reply, type Route, sent } from "../exchange.ts";
import { type ProgressLine, streamProgress } from "../json-stream.ts";
import type { Query } from "../query.ts";

type Handler = Route<ImageDeps>["handle"];

const list: Handler = (exchange, deps) => {
  const { query } = exchange;
  const filters = query.filters(imageFilterNames);
  const listed = listImages(deps, { all: query.flag("all"), filters, sharedSize: query.flag("shared-size") });
  return json(
    200,
    listed.map((each) => ({
      ...(withOldNames(exchange, encodeSummary(each, deps.imageUsers(each.image.id).length)) as object),
      ...(query.flag("manifests") && listedManifests(deps, each.image)),
    })),
  );
};

function listedManifests(deps: ImageDeps, image: ImageRecord): object {
  const index = anyIndex(deps, image);
  if (!index) return {};
  return { Descriptor: encodeIndexDescriptor(index), Manifests: encodeManifests(deps.content, image, index) };
}

/** Before API 1.43 an untagged image had placeholder names. */
function withOldNames(exchange: Exchange, summary: ReturnType<typeof encodeSummary>): unknown {
  if (atLeast(exchange, "1.43") || summary.RepoTags!.length + summary.RepoDigests!.length > 0) return summary;
  return { ...summary, RepoTags: ["<none>:<none>"], RepoDigests: ["<none>@<none>"] };
}

const inspect: Handler = ({ params, query }, deps) => {
  const found = inspectImage(deps, params["name"]!);
  const manifests = query.flag("manifests") && found.index && encodeManifests(deps.content, found.image, found.index);
  return json(200, { ...encodeInspect(found), ...(manifests && { Manifests: manifests }) });
};

const history: Handler = ({ params }, deps) => json(200, imageHistory(deps, params["name"]!).map(encodeHistory));

const tag: Handler = ({ params, query }, deps) => {
  const repo = query.text("repo");
  if (!repo) throw invalid("tag wants a repository name");
  tagImage(deps, params["name"]!, { repo, tag: query.text("tag") });
  return empty(201);
};

const remove: Handler = async ({ params, query }, deps) => {
  const removals = await removeImage(deps, params["name"]!, {
    force: query.flag("force"),
    keepParents: query.flag("noprune"),
  });
  return json(200, removals.map(encodeRemoval));
};

const prune: Handler = async ({ query }, deps) => {
  const { removals, freedBytes } = await pruneImages(deps, query.filters(pruneFilterNames));
  return json(200, {
    ImagesDeleted: removals.length > 0 ? removals.map(encodeRemoval) : null,
    SpaceReclaimed: freedBytes,
  });
};

const load: Handler = async (exchange, deps) => {
  const { request, query, signal } = exchange;
  const platform = platformOf(query);
  const quiet = query.flag("quiet");
  await streamProgress(exchange, async (report) => {
    await loadImages(deps, {
      source: request,
      platform,
      signal,
      onProgress: (progress) => {
        if (!quiet || progress.kind === "loaded") report(loadLine(progress));
      },
    });
  });
  return sent;
};

function loadLine(progress: LoadProgress): ProgressLine {
  if (progress.kind === "layer") {
    const { id, current, total } = progress;
    const bar = `${formatBytes(current)}/${formatBytes(total)}`;
    return { status: "Loading layer", progressDetail: { current, total }, progress: bar, id };
  }
  if (progress.kind === "renamed") {
    const { name, oldId } = progress;
    return {
      stream: `The image ${name} already exists, renaming the old one with ID ${oldId} to empty string\n`,
    };
  }
  return { stream: progress.name ? `Loaded image: ${progress.name}\n` : `Loaded image ID: ${progress.id}\n` };
}

/** `linux/arm64`, or the JSON object that newer clients send. */
export function platformOf(query: Query): Platform | undefined {
  const text = query.text("platform");
  if (!text) return undefined;
  if (!text.startsWith("{")) return parsePlatform(text);
  const { os = "linux", architecture, variant } = query.json("platform") as Partial<Platform>;
  if (typeof architecture !== "string") throw invalid("invalid platform: no architecture");
  return parsePlatform([os, architecture, variant].filter((part) => part).join("/"));
}

const saveMany: Handler = async (exchange, deps) => {
  const names = exchange.query.all("names").flatMap((each) => each.split(","));
  if (names.length === 0) throw invalid("save wants at least one image name");
  return await sendArchive(exchange, deps, names);
};

const saveOne: Handler = (exchange, deps) => sendArchive(exchange, deps, [exchange.params["name"]!]);

/** An archive that breaks after its first byte can only end the connection: the status is sent. */
async function sendArchive({ response, signal }: Exchange, deps: ImageDeps, names: readonly string[]): Promise<Reply> {
  const archive = saveImages(deps, names);
  response.writeHead(200, { "Content-Type": "application/x-tar" });
  try {
    await pipeline(archive, response);
  } catch (error) {
    response.destroy();
    if (!signal.aborted) deps.log.error("image archive broke off", { error: String(error) });
  }
  return sent;
}

/** `POST /images/create` with `fromSrc`: makes an image of the body, a tar of a root file system. */
export async function createFromSource(exchange: Exchange, deps: ImageDeps): Promise<Reply> {
  const { request, query, signal } = exchange;
  const source = query.text("fromSrc");
  if (!source) throw invalid("missing query parameter: fromImage or fromSrc");
  if (source !== "-") {
    throw unsupported(`import from ${source}`, { hint: "download the archive and pass it as the request's body" });
  }
  const repo = query.text("repo");
  const names = repo ? [fullTagOf(repo, query.text("tag"))] : [];
  const platform = platformOf(query);
  await streamProgress(exchange, async (report) => {
    const image = await importImage(deps, {
      source: request,
      names,
      changes: query.all("changes"),
      message: query.text("message") || "Imported from -",
      platform,
      signal,
    });
    report({ status: image.id });
  });
  return sent;
}

export const imageRoutes: ReadonlyArray<Route<ImageDeps>> = [
  { method: "GET", path: "/images/json", handle: list },
  { method: "GET", path: "/images/get", handle: saveMany },
  { method: "POST", path: "/images/load", handle: load },
  { method: "POST", path: "/images/prune", handle: prune },
  { method: "GET", path: "/images/{name:rest}/json", handle: inspect },
  { method: "GET", path: "/images/{name:rest}/history", handle: history },
  { method: "GET", path: "/images/{name:rest}/get", handle: saveOne },
  { method: "POST", path: "/images/{name:rest}/tag", handle: tag },
  { method: "DELETE", path: "/images/{name:rest}", handle: remove },
];
