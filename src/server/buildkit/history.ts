import type { BuildRecord } from "../../core/build-history.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { type Call, onlyMessage } from "../grpc/grpc-server.ts";
import { type Codec, codec, timestamp } from "./messages.ts";
import { type StatusUpdate, StatusWriter } from "./status-writer.ts";

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
  status: codec<StatusUpdate>("StatusResponse") as Codec<StatusUpdate>,
};

const eventTypes = { started: 0, completed: 1, deleted: 2 } as const;

/** Tells of builds that were, and unless the client wants no more, of those to come. */
export async function listenHistory({ journal }: BuildDeps, call: Call): Promise<void> {
  const { ActiveOnly, Ref, EarlyExit, Limit } = codecs.request.decode(await onlyMessage(call));
  const isAsked = ({ id, status }: BuildRecord): boolean =>
    (Ref === "" || id === Ref) && (!ActiveOnly || status === "running");
  const found = journal.list().filter(isAsked);
  for (const record of Limit > 0 ? found.slice(0, Limit) : found) call.send(codecs.event.encode(eventOf(record)));
  if (EarlyExit) return;
  const stop = journal.onChange((record) => {
    if (isAsked(record)) call.send(codecs.event.encode(eventOf(record)));
  });
  await new Promise<void>((resolve) => {
    if (call.signal.aborted) resolve();
    call.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  stop();
}

function eventOf(record: BuildRecord): object {
  const { id, createdAt, endedAt, error, args, target, facts } = record;
  return {
    type: endedAt === undefined ? eventTypes.started : eventTypes.completed,
    record: {
      Ref: id,
      Frontend: "dockerfile.v0",
      FrontendAttrs: {
        filename: record.dockerfile,
        ...(target !== "" && { target }),
        ...(record.context !== "" && { "vcs:source": record.context }),
        ...Object.fromEntries(Object.entries(args).map(([name, value]) => [`build-arg:${name}`, value])),
      },
      ...(error !== undefined && { error: { code: record.status === "cancelled" ? 1 : 2, message: error } }),
      CreatedAt: timestamp(Date.parse(createdAt)),
      ...(endedAt !== undefined && { CompletedAt: timestamp(Date.parse(endedAt)) }),
      ExporterResponse: facts,
      numCachedSteps: record.cachedSteps,
      numTotalSteps: record.steps,
      numCompletedSteps: record.finishedSteps,
      numWarnings: record.warnings,
    },
  };
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
  const writer = new StatusWriter(id, (update) => call.send(codecs.status.encode(update)));
  for await (const { at, event } of journal.events(id, call.signal)) writer.take(event, at);
}
