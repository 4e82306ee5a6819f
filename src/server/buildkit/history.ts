import { StatusWriter, vertexDigest } from "../../api/build-status.ts";
import type { BuildRecord, RecordAttachment } from "../../core/build-history.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { type Call, onlyMessage } from "../grpc/grpc-server.ts";
import { encodeStatus, sourceDetail, vertexDetail } from "./build-failure.ts";
import type { BlobDescriptor, HistoryBlobs } from "./history-blobs.ts";
import { codec, timestamp } from "./messages.ts";
import { encodeUpdate } from "./status-update.ts";

interface HistoryRequest {
  readonly ActiveOnly: boolean;
  readonly Ref: string;
  readonly EarlyExit: boolean;
  readonly Limit: number;
}

interface UpdateRequest {
  readonly Ref: string;
  readonly Delete: boolean;
}

const codecs = {
  request: codec<HistoryRequest>("BuildHistoryRequest"),
  event: codec<object>("BuildHistoryEvent"),
  update: codec<UpdateRequest>("UpdateBuildHistoryRequest"),
  empty: codec<object>("Empty"),
};

const eventTypes = { started: 0, completed: 1, deleted: 2 } as const;

interface HistoryParts {
  readonly deps: BuildDeps;
  readonly blobs: HistoryBlobs;
}

/** Tells of builds that were, and unless the client wants no more, of those to come. */
export async function listenHistory(parts: HistoryParts, call: Call): Promise<void> {
  const { journal } = parts.deps;
  const { ActiveOnly, Ref, EarlyExit, Limit } = codecs.request.decode(await onlyMessage(call));
  const isAsked = ({ id, status }: BuildRecord): boolean =>
    (Ref === "" || id === Ref) && (!ActiveOnly || status === "running");
  const found = journal.list().filter(isAsked);
  const chosen = Limit > 0 ? found.slice(0, Limit) : found;
  for (const record of chosen) {
    // Of the one named, or of the latest, which clients take where none is named.
    const wantsLogs = record === chosen[0] && record.endedAt !== undefined;
    const logs = wantsLogs ? await logsOf(parts, record, call.signal) : undefined;
    call.send(codecs.event.encode(eventOf(parts, record, logs)));
  }
  if (EarlyExit) return;
  const stop = journal.onChange((record) => {
    if (isAsked(record)) call.send(codecs.event.encode(eventOf(parts, record, undefined)));
  });
  await new Promise<void>((resolve) => {
    if (call.signal.aborted) resolve();
    call.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  stop();
}

/** All that a build has said, as its client was told: each message behind its length. */
async function logsOf(
  { deps, blobs }: HistoryParts,
  { id }: BuildRecord,
  signal: AbortSignal,
): Promise<BlobDescriptor> {
  const written: Uint8Array[] = [];
  const writer = new StatusWriter(id, (update) => {
    const bytes = encodeUpdate(update);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    written.push(length, bytes);
  });
  for await (const { at, event } of deps.journal.events(id, signal)) writer.take(event, at);
  return blobs.add("application/vnd.buildkit.status.v0", Buffer.concat(written));
}

function eventOf({ blobs }: HistoryParts, record: BuildRecord, logs: BlobDescriptor | undefined): object {
  const { id, createdAt, endedAt, error, args, target, facts, platform, attachments = [] } = record;
  return {
    type: endedAt === undefined ? eventTypes.started : eventTypes.completed,
    record: {
      Ref: id,
      Frontend: "dockerfile.v0",
      FrontendAttrs: {
        filename: record.dockerfile,
        ...(target !== "" && { target }),
        ...(platform !== "" && { platform }),
        ...(record.context !== "" && { "vcs:source": record.context }),
        ...Object.fromEntries(Object.entries(args).map(([name, value]) => [`build-arg:${name}`, value])),
      },
      ...(error !== undefined && {
        error: { code: record.status === "cancelled" ? 1 : 2, message: error },
        externalError: errorDocument(blobs, { ...record, error }),
      }),
      CreatedAt: timestamp(Date.parse(createdAt)),
      ...(endedAt !== undefined && { CompletedAt: timestamp(Date.parse(endedAt)) }),
      ...(logs && { logs }),
      ExporterResponse: facts,
      ...resultsOf(attachments),
      numCachedSteps: record.cachedSteps,
      // A build that ended before it had steps has come to its first part.
      numTotalSteps: record.steps || 1,
      numCompletedSteps: record.steps === 0 && endedAt !== undefined ? 1 : record.finishedSteps,
      numWarnings: record.warnings,
    },
  };
}

/** The failure with the lines it comes from, and the step. */
function errorDocument(
  blobs: HistoryBlobs,
  { id, error, place, failedStep }: BuildRecord & { readonly error: string },
): BlobDescriptor {
  const source = place && sourceDetail({ source: place, lines: place });
  const vertex = failedStep && vertexDetail(vertexDigest(id, failedStep));
  const status = encodeStatus(
    error,
    [source, vertex].filter((each) => each !== undefined),
  );
  return blobs.add("application/vnd.googeapis.google.rpc.status+proto", status);
}

function resultsOf(attachments: readonly RecordAttachment[]): object {
  const results: Record<string, { attestations: BlobDescriptor[]; result?: BlobDescriptor; results?: object }> = {};
  for (const { digest, mediaType, sizeBytes, platform, predicateType } of attachments) {
    const of = results[platform] ?? { attestations: [] };
    results[platform] = of;
    const descriptor = { media_type: mediaType, digest, size: sizeBytes };
    if (predicateType === undefined) Object.assign(of, { result: descriptor, results: { 0: descriptor } });
    else of.attestations.push({ ...descriptor, annotations: { "in-toto.io/predicate-type": predicateType } });
  }
  const { "": single, ...several } = results;
  return { ...(single && { Result: single }), Results: several };
}

/** Removes a build from the history; nothing else of it can be changed. */
export async function updateHistory({ journal }: BuildDeps, call: Call): Promise<void> {
  const { Ref, Delete } = codecs.update.decode(await onlyMessage(call));
  const { id } = journal.get(Ref);
  if (Delete) await journal.remove(id);
  call.send(codecs.empty.encode({}));
}

/** What a build has said, as its client was told. */
export async function replayStatus({ journal }: BuildDeps, ref: string, call: Call): Promise<void> {
  const { id } = journal.get(ref);
  const writer = new StatusWriter(id, (update) => call.send(encodeUpdate(update)));
  for await (const { at, event } of journal.events(id, call.signal)) writer.take(event, at);
}
