import { parseDuration } from "../../base/time.ts";
import type { BuildRecord } from "../../core/build-history.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { encodeEvent } from "../../engine/build/history/timed-event.ts";
import { json, type Route, sent } from "../exchange.ts";
import type { Filters } from "../query.ts";

type Handler = Route<BuildDeps>["handle"];

const list: Handler = async ({ query }, { journal }) => {
  const filters = query.filters(["status", "name", "id", "since", "until"]);
  return json(
    200,
    journal
      .list()
      .filter((record) => fits(record, filters))
      .map(encode),
  );
};

/** In the form of Docker's API. */
const encode = (record: BuildRecord): object => ({
  Id: record.id,
  Name: record.name,
  Status: record.status,
  Error: record.error ?? "",
  CreatedAt: record.createdAt,
  EndedAt: record.endedAt ?? "",
  Steps: record.steps,
  FinishedSteps: record.finishedSteps,
  CachedSteps: record.cachedSteps,
  Warnings: record.warnings,
  Context: record.context,
  Dockerfile: record.dockerfile,
  Target: record.target,
  Platform: record.platform,
  Args: record.args,
  Results: record.facts,
});

/** The latest build may be meant without its id. */
const find = ({ journal }: BuildDeps, id: string): BuildRecord => journal.get(id === "latest" ? "" : id);

/** Times are a span before now, such as `24h`. */
function fits({ id, name, status, createdAt }: BuildRecord, filters: Filters): boolean {
  const some = (key: string, test: (value: string) => boolean): boolean => filters.get(key)?.some(test) ?? true;
  const before = (span: string): string => new Date(Date.now() - parseDuration(span) / 1e6).toISOString();
  return (
    some("status", (value) => value === status) &&
    some("name", (value) => name.includes(value)) &&
    some("id", (value) => id.startsWith(value)) &&
    some("since", (value) => createdAt >= before(value)) &&
    some("until", (value) => createdAt < before(value))
  );
}

const inspect: Handler = async ({ params }, deps) => json(200, encode(find(deps, params["id"]!)));

/** What a build said, an event on each line, until it ends. */
const log: Handler = async ({ params, response, signal }, deps) => {
  const { id } = find(deps, params["id"]!);
  response.writeHead(200, { "Content-Type": "application/x-ndjson" });
  for await (const event of deps.journal.events(id, signal)) response.write(encodeEvent(event));
  response.end();
  return sent;
};

const remove: Handler = async ({ params }, deps) => {
  const { id } = find(deps, params["id"]!);
  await deps.journal.remove(id);
  return json(200, { Id: id });
};

export const buildHistoryRoutes: ReadonlyArray<Route<BuildDeps>> = [
  { method: "GET", path: "/isle/builds", handle: list },
  { method: "GET", path: "/isle/builds/{id}", handle: inspect },
  { method: "GET", path: "/isle/builds/{id}/log", handle: log },
  { method: "DELETE", path: "/isle/builds/{id}", handle: remove },
];
