import type {
  ContainerConfig,
  EndpointSettings,
  HostConfig,
  NetworkingConfig,
} from "../../api/generated/engine-api.ts";
import { invalid } from "../../base/error.ts";
import { renameInstance, resizeInstance, updateInstance } from "../../engine/instance/change.ts";
import { createInstance } from "../../engine/instance/create.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { listChanges } from "../../engine/instance/files.ts";
import { findInstance } from "../../engine/instance/find.ts";
import { writtenBytes } from "../../engine/instance/guest-files.ts";
import { listFilters, listInstances } from "../../engine/instance/list.ts";
import { pauseInstance, resumeInstance } from "../../engine/instance/pause.ts";
import { pruneFilters, pruneInstances } from "../../engine/instance/prune.ts";
import { removeInstance } from "../../engine/instance/remove.ts";
import { restartInstance } from "../../engine/instance/restart.ts";
import { startInstance } from "../../engine/instance/start.ts";
import { killInstance, stopInstance } from "../../engine/instance/stop.ts";
import { listProcesses } from "../../engine/instance/top.ts";
import { parseWaitCondition, waitForInstance } from "../../engine/instance/wait.ts";
import { encodeInspect, encodeSummary } from "../encode/instance.ts";
import { atLeast, type Exchange, empty, json, type Route, sent } from "../exchange.ts";
import { readObject, shapeOf } from "../json-body.ts";

type Handler = Route<InstanceDeps>["handle"];

const list: Handler = async ({ query }, deps) => {
  const limit = query.integer("limit");
  const records = listInstances(deps, {
    all: query.flag("all"),
    limit: limit === 0 ? undefined : limit,
    filters: query.filters(listFilters),
  });
  const rows = records.map((record) => encodeSummary(deps, record));
  if (!query.flag("size")) return json(200, rows);
  const sized = records.map(async (record, i) => ({ ...rows[i], ...(await sizesOf(deps, record.id)) }));
  return json(200, await Promise.all(sized));
};

async function sizesOf(deps: InstanceDeps, id: string): Promise<{ SizeRw: number; SizeRootFs: number }> {
  const record = findInstance(deps, id);
  const sizeBytes = await writtenBytes(deps, record);
  const image = deps.images.get(record.image.id);
  return { SizeRw: sizeBytes, SizeRootFs: sizeBytes + (image?.sizeBytes ?? 0) };
}

type CreateBody = ContainerConfig & { HostConfig?: HostConfig | null; NetworkingConfig?: NetworkingConfig | null };

const createShape = {
  allOf: [
    shapeOf("ContainerConfig"),
    {
      type: "object",
      properties: { HostConfig: shapeOf("HostConfig"), NetworkingConfig: shapeOf("NetworkingConfig") },
    },
  ],
};

const create: Handler = async (exchange, deps) => {
  const raw = await exchange.readJson();
  const body = await readObject<CreateBody>({ readJson: async () => wordLists(raw) }, createShape);
  const { HostConfig: host, NetworkingConfig: networking, ...config } = body;
  const { id, warnings } = await createInstance(deps, {
    name: exchange.query.text("name"),
    platform: exchange.query.text("platform") || undefined,
    config,
    host: host ?? {},
    networks: (networking?.EndpointsConfig ?? {}) as Record<string, EndpointSettings>,
  });
  return json(201, { Id: id, Warnings: warnings });
};

/** Older clients send a command as one text. */
function wordLists(raw: unknown): unknown {
  if (typeof raw !== "object" || raw === null) return raw;
  const fixed = ["Cmd", "Entrypoint"].flatMap((name) => {
    const value = (raw as Record<string, unknown>)[name];
    return typeof value === "string" ? [[name, [value]]] : [];
  });
  return { ...raw, ...Object.fromEntries(fixed) };
}

const inspect: Handler = async ({ params, query }, deps) => {
  const record = findInstance(deps, params["id"]!);
  const reply = encodeInspect(deps, record);
  return json(200, query.flag("size") ? { ...reply, ...(await sizesOf(deps, record.id)) } : reply);
};

const start: Handler = async (exchange, deps) => {
  // Before 1.24 host options could come with the start; nothing of a body counts since.
  await startInstance(deps, exchange.params["id"]!);
  return empty(204);
};

const stopOptions = ({ query }: Exchange) => ({ signal: query.text("signal"), timeoutSeconds: query.integer("t") });

const stop: Handler = async (exchange, deps) => {
  await stopInstance(deps, exchange.params["id"]!, stopOptions(exchange));
  return empty(204);
};

const restart: Handler = async (exchange, deps) => {
  await restartInstance(deps, exchange.params["id"]!, stopOptions(exchange));
  return empty(204);
};

const kill: Handler = async ({ params, query }, deps) => {
  await killInstance(deps, params["id"]!, query.text("signal") ?? "");
  return empty(204);
};

const wait: Handler = async (exchange, deps) => {
  const { params, query, response, signal } = exchange;
  const condition = parseWaitCondition(query.text("condition"));
  const result = waitForInstance(deps, params["id"]!, condition, signal);
  // Clients start the instance once they see the head, sure that its exit cannot be missed.
  response.writeHead(200, { "Content-Type": "application/json" });
  response.flushHeaders();
  const { exitCode, error } = await result.catch(() => ({ exitCode: 0, error: "the client hung up" }));
  response.end(
    `${JSON.stringify({ StatusCode: exitCode, ...(error && atLeast(exchange, "1.30") && { Error: { Message: error } }) })}\n`,
  );
  return sent;
};

const remove: Handler = async ({ params, query }, deps) => {
  if (query.flag("link")) throw invalid("removing a link is not supported");
  await removeInstance(deps, params["id"]!, { force: query.flag("force"), volumes: query.flag("v") });
  return empty(204);
};

const top: Handler = async ({ params, query }, deps) => {
  const { titles, rows } = await listProcesses(deps, params["id"]!, query.text("ps_args") ?? "");
  return json(200, { Titles: titles, Processes: rows });
};

const update: Handler = async (exchange, deps) => {
  const shape = {
    allOf: [shapeOf("Resources"), { type: "object", properties: { RestartPolicy: shapeOf("RestartPolicy") } }],
  };
  const change = await readObject<HostConfig>(exchange, shape);
  return json(200, { Warnings: await updateInstance(deps, exchange.params["id"]!, change) });
};

const rename: Handler = async ({ params, query }, deps) => {
  const name = query.text("name");
  if (!name) throw invalid("Neither old nor new names may be empty");
  await renameInstance(deps, params["id"]!, name);
  return empty(204);
};

const resize: Handler = ({ params, query }, deps) => {
  resizeInstance(deps, params["id"]!, readSize(query));
  return empty(200);
};

export function readSize(query: Exchange["query"]): { rows: number; columns: number } {
  const [rows, columns] = [query.integer("h") ?? 0, query.integer("w") ?? 0];
  if (rows < 0 || columns < 0 || rows > 65535 || columns > 65535) throw invalid("invalid terminal size");
  return { rows, columns };
}

const changes: Handler = async ({ params }, deps) => {
  const kinds = { modified: 0, added: 1, deleted: 2 };
  const found = await listChanges(deps, params["id"]!);
  return json(200, found.length > 0 ? found.map(({ path, kind }) => ({ Path: path, Kind: kinds[kind] })) : null);
};

const prune: Handler = async ({ query }, deps) => {
  const { ids, bytes } = await pruneInstances(deps, query.filters(pruneFilters));
  return json(200, { ContainersDeleted: ids.length > 0 ? ids : null, SpaceReclaimed: bytes });
};

const simple =
  (verb: (deps: InstanceDeps, id: string) => Promise<void>): Handler =>
  async ({ params }, deps) => {
    await verb(deps, params["id"]!);
    return empty(204);
  };

export const containerRoutes: ReadonlyArray<Route<InstanceDeps>> = [
  { method: "GET", path: "/containers/json", handle: list },
  { method: "POST", path: "/containers/create", handle: create },
  { method: "POST", path: "/containers/prune", handle: prune },
  { method: "GET", path: "/containers/{id}/json", handle: inspect },
  { method: "POST", path: "/containers/{id}/start", handle: start },
  { method: "POST", path: "/containers/{id}/stop", handle: stop },
  { method: "POST", path: "/containers/{id}/restart", handle: restart },
  { method: "POST", path: "/containers/{id}/kill", handle: kill },
  { method: "POST", path: "/containers/{id}/pause", handle: simple(pauseInstance) },
  { method: "POST", path: "/containers/{id}/unpause", handle: simple(resumeInstance) },
  { method: "POST", path: "/containers/{id}/wait", handle: wait },
  { method: "POST", path: "/containers/{id}/rename", handle: rename },
  { method: "POST", path: "/containers/{id}/resize", handle: resize },
  { method: "POST", path: "/containers/{id}/update", handle: update },
  { method: "GET", path: "/containers/{id}/top", handle: top },
  { method: "GET", path: "/containers/{id}/changes", handle: changes },
  { method: "DELETE", path: "/containers/{id}", handle: remove },
];
