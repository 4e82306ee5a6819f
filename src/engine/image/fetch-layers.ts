import type { Digest } from "../../base/digest.ts";
import { shortId } from "../../base/id.ts";
import type { ImageLayer } from "../../core/image.ts";
import type { RegistryRepository } from "../../core/registry.ts";
import type { ChainId } from "../../core/snapshot.ts";
import type { LayerBlob } from "./add-image.ts";
import { fetchBlob } from "./fetch-blob.ts";
import type { Descriptor } from "./manifest.ts";
import type { DownloadProgress, ReportLine, TransferDeps } from "./transfers.ts";

export interface PlannedLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly chainId: ChainId;
  readonly parent: ChainId | undefined;
}

export interface FetchRequest {
  readonly repository: RegistryRepository;
  readonly layers: readonly PlannedLayer[];
  readonly report: ReportLine;
  readonly signal?: AbortSignal | undefined;
}

/** Downloads the layers side by side and unpacks them in order, each as soon as it and those below are there. */
export async function fetchLayers(deps: TransferDeps, request: FetchRequest): Promise<LayerBlob[]> {
  const controller = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, controller.signal]) : controller.signal;
  const here = presentLayers(deps, request.layers);
  for (const layer of request.layers) {
    const status = here.has(layer.chainId) ? "Already exists" : "Pulling fs layer";
    request.report({ status, progressDetail: {}, id: shortId(layer.descriptor.digest) });
  }
  const downloads = request.layers.map(async (layer) => {
    const present = here.get(layer.chainId);
    return present ?? downloadLayer(deps, { ...request, signal }, layer);
  });
  // Each is awaited in its turn; one that fails early must not count as unhandled meanwhile.
  for (const download of downloads) download.catch(() => {});
  try {
    const blobs: LayerBlob[] = [];
    for (const [index, layer] of request.layers.entries()) {
      const blob = await downloads[index]!;
      if (!here.has(layer.chainId)) await unpackLayer(deps, { ...request, signal }, layer);
      blobs.push(blob);
    }
    return blobs;
  } catch (error) {
    controller.abort(error);
    await Promise.allSettled(downloads);
    throw error;
  }
}

/** Layers that need nothing: unpacked, with a stored blob from this or another image. */
function presentLayers({ content, snapshots, images }: TransferDeps, layers: readonly PlannedLayer[]) {
  const recorded = new Map<ChainId, ImageLayer>();
  for (const image of images.list()) for (const layer of image.layers) recorded.set(layer.chainId, layer);
  const present = new Map<ChainId, LayerBlob>();
  for (const { chainId, descriptor } of layers) {
    if (!snapshots.hasLayer(chainId)) continue;
    const known = recorded.get(chainId);
    if (content.size(descriptor.digest) === descriptor.size) present.set(chainId, blobOf(descriptor));
    else if (known && content.size(known.blob) !== undefined) {
      present.set(chainId, { blob: known.blob, mediaType: known.mediaType, blobBytes: known.blobBytes });
    }
  }
  return present;
}

const blobOf = ({ digest, mediaType, size }: Descriptor): LayerBlob => ({ blob: digest, mediaType, blobBytes: size });

type Fetch = FetchRequest & { readonly signal: AbortSignal };

async function downloadLayer(deps: TransferDeps, request: Fetch, { descriptor }: PlannedLayer): Promise<LayerBlob> {
  const { repository, report, signal } = request;
  const id = shortId(descriptor.digest);
  const onProgress = progressLines(report, id);
  await fetchBlob(deps, { repository, digest: descriptor.digest, sizeBytes: descriptor.size, signal, onProgress });
  report({ status: "Download complete", progressDetail: {}, id });
  return blobOf(descriptor);
}

async function unpackLayer({ snapshots }: TransferDeps, request: Fetch, layer: PlannedLayer): Promise<void> {
  const { report, signal } = request;
  const { digest, size } = layer.descriptor;
  const id = shortId(digest);
  const often = atIntervals();
  await snapshots.applyLayer({
    ...layer,
    blob: digest,
    signal,
    onProgress: (current) => {
      if (often(current >= size)) report({ status: "Extracting", progressDetail: { current, total: size }, id });
    },
  });
  report({ status: "Pull complete", progressDetail: {}, id });
}

function progressLines(report: ReportLine, id: string): (progress: DownloadProgress) => void {
  const often = atIntervals();
  return (progress) => {
    switch (progress.kind) {
      case "waiting":
        return report({ status: "Waiting", progressDetail: {}, id });
      case "retrying":
        return report({ status: `Retrying in ${progress.seconds} seconds`, progressDetail: {}, id });
      case "verifying":
        return report({ status: "Verifying Checksum", progressDetail: {}, id });
      case "bytes": {
        const { current, total } = progress;
        if (often(current === total)) report({ status: "Downloading", progressDetail: { current, total }, id });
      }
    }
  };
}

const intervalMs = 100;

/** Lets the first, the last and now and then one in between through. */
export function atIntervals(): (last: boolean) => boolean {
  let nextMs = 0;
  return (last) => {
    const nowMs = performance.now();
    if (!last && nowMs < nextMs) return false;
    nextMs = nowMs + intervalMs;
    return true;
  };
}
