import { setTimeout as sleep } from "node:timers/promises";
import type { Digest } from "../../base/digest.ts";
import { IsleError, isCode } from "../../base/error.ts";
import type { Blob } from "../../core/content.ts";
import type { RegistryRepository } from "../../core/registry.ts";
import type { DownloadProgress, TransferDeps } from "./transfers.ts";

export interface BlobRequest {
  readonly repository: RegistryRepository;
  readonly digest: Digest;
  readonly sizeBytes: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/** Stores a blob of a registry, verified; joins a download of the same blob that is under way. */
export async function fetchBlob(deps: TransferDeps, request: BlobRequest): Promise<Blob> {
  const { digest, sizeBytes, repository, ...joiner } = request;
  if (deps.content.size(digest) === sizeBytes) return { digest, sizeBytes };
  return deps.transfers.shared.join(digest, joiner, (signal, onProgress) =>
    download(deps, { repository, digest, sizeBytes, signal, onProgress }),
  );
}

type Download = BlobRequest & {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: DownloadProgress) => void;
};

async function download({ content, transfers }: TransferDeps, request: Download): Promise<Blob> {
  const { digest, sizeBytes, signal, onProgress } = request;
  if (transfers.downloads.full) onProgress({ kind: "waiting" });
  const release = await transfers.downloads.take(signal);
  try {
    return await content.ingest(resumed(request, transfers), { digest, sizeBytes });
  } finally {
    release();
  }
}

/** Enough bytes between two failures count as a connection that works. */
const goodStretchBytes = 1 << 20;

/** The blob's bytes across as many connections as it takes. */
async function* resumed(request: Download, limits: { maxAttempts: number; retryDelayMs: number }) {
  const { sizeBytes, signal, onProgress } = request;
  let offset = 0;
  for (let failures = 0; ; ) {
    const before = offset;
    try {
      for await (const chunk of stretch(request, offset)) {
        offset += chunk.length;
        onProgress({ kind: "bytes", current: offset, total: sizeBytes });
        yield chunk;
      }
      onProgress({ kind: "verifying" });
      return;
    } catch (error) {
      signal.throwIfAborted();
      failures = offset - before >= goodStretchBytes ? 1 : failures + 1;
      if (error instanceof IsleError && !isCode(error, "unavailable")) throw error;
      if (failures >= limits.maxAttempts) throw asUnavailable(error, request.digest);
    }
    const delayMs = limits.retryDelayMs * 2 ** (failures - 1);
    onProgress({ kind: "retrying", seconds: Math.ceil(delayMs / 1000) });
    await sleep(delayMs, undefined, { signal });
  }
}

/** What one connection gives, ended early when the registry sends more than it announced. */
async function* stretch({ repository, digest, sizeBytes, signal }: Download, offset: number): AsyncGenerator<Buffer> {
  const body = await repository.blob(digest, offset, signal);
  let reached = offset;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      reached += chunk.length;
      if (reached > sizeBytes) {
        throw new IsleError("dataLoss", `the registry sends more than the ${sizeBytes} bytes of ${digest}`);
      }
      yield chunk;
    }
  } finally {
    body.destroy();
  }
  if (reached < sizeBytes) {
    throw new IsleError("unavailable", `the registry sent ${reached} of the ${sizeBytes} bytes of ${digest}`);
  }
}

const asUnavailable = (error: unknown, digest: Digest): unknown =>
  error instanceof IsleError
    ? error
    : new IsleError("unavailable", `download of ${digest} failed: ${String(error)}`, { cause: error });
