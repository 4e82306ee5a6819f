import type { EventMessage } from "../../api/generated/engine-api.ts";
import { unsupported } from "../../base/error.ts";
import { parseMoment } from "../../base/time.ts";
import type { EngineEvent } from "../../core/event.ts";
import type { BuildDeps } from "../../engine/build/deps.ts";
import { eventFilters, watchEvents } from "../../engine/system/events.ts";
import { type ProductFacts, systemInfo } from "../../engine/system/info.ts";
import { json, type Route, sent } from "../exchange.ts";
import { apiVersion, minApiVersion } from "../http-server.ts";
import { writeAll } from "../raw-stream.ts";
import type { RegistryRouteDeps } from "./registry.ts";

export interface SystemDeps extends BuildDeps, RegistryRouteDeps {
  readonly product: ProductFacts;
  /** Prometheus text of the daemon's own figures. */
  readonly metrics: () => string;
}

type Handler = Route<SystemDeps>["handle"];

const ping: Handler = ({ request, response }) => {
  const body = "OK";
  response.writeHead(200, {
    "Content-Type": "text/plain; charset=utf-8",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-cache, no-store, must-revalidate",
    Pragma: "no-cache",
    Swarm: "inactive",
  });
  response.end(request.method === "HEAD" ? undefined : body);
  return sent;
};

const version: Handler = (_, { product, machine, settings }) => {
  const details = {
    ApiVersion: apiVersion,
    Arch: settings.architecture,
    BuildTime: product.buildTime,
    GitCommit: product.gitCommit,
    GoVersion: `bun${process.versions["bun"] ?? ""}`,
    KernelVersion: machine.facts.kernel,
    MinAPIVersion: minApiVersion,
    Os: "linux",
  };
  const runtime = product.runtimes[settings.defaultRuntime];
  const components = [
    { Name: "Engine", Version: product.version, Details: { ...details, Experimental: "false" } },
    { Name: "conmon", Version: product.conmonVersion, Details: {} },
    { Name: settings.defaultRuntime, Version: runtime?.version ?? "", Details: {} },
  ];
  return json(200, { Platform: { Name: "isle" }, Components: components, Version: product.version, ...details });
};

const info: Handler = (_, deps) => json(200, systemInfo(deps, deps.product));

const events: Handler = async ({ query, response, signal }, deps) => {
  const moment = (name: string) => {
    const text = query.text(name);
    return text ? parseMoment(text) : undefined;
  };
  const request = { since: moment("since"), until: moment("until"), filters: query.filters(eventFilters) };
  response.writeHead(200, { "Content-Type": "application/json" });
  response.flushHeaders();
  for await (const event of watchEvents(deps, request, signal)) {
    if (!(await writeAll(response, Buffer.from(`${JSON.stringify(encodeEvent(event))}\n`)))) break;
  }
  response.end();
  return sent;
};

export function encodeEvent({ type, action, actor, timeNano }: EngineEvent): EventMessage {
  const from = type === "container" ? { from: actor.attributes["image"] ?? "" } : {};
  const legacy = type === "container" || type === "image" ? { status: action, id: actor.id, ...from } : {};
  return {
    ...legacy,
    Type: type,
    Action: action,
    Actor: { ID: actor.id, Attributes: { ...actor.attributes } },
    scope: "local",
    time: Number(timeNano / 1_000_000_000n),
    // Beyond 2^53, as in every engine: clients that need it parse the text.
    timeNano: Number(timeNano),
  } as EventMessage;
}

const metrics: Handler = ({ response }, deps) => {
  response.writeHead(200, { "Content-Type": "text/plain; version=0.0.4" });
  response.end(deps.metrics());
  return sent;
};

const noSwarm: Handler = () => {
  throw unsupported("this engine has no swarm mode", { hint: "see docs for the hand-over to Kubernetes" });
};

const noPlugins: Handler = () => json(200, []);

const swarmPaths = ["/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs"];

export const systemRoutes: ReadonlyArray<Route<SystemDeps>> = [
  { method: "GET", path: "/_ping", handle: ping },
  { method: "HEAD", path: "/_ping", handle: ping },
  { method: "GET", path: "/version", handle: version },
  { method: "GET", path: "/info", handle: info },
  { method: "GET", path: "/events", handle: events },
  { method: "GET", path: "/metrics", handle: metrics },
  { method: "GET", path: "/plugins", handle: noPlugins },
  ...swarmPaths.map((path) => ({ method: "GET" as const, path, handle: noSwarm })),
  { method: "POST", path: "/swarm/init", handle: noSwarm },
  { method: "POST", path: "/swarm/join", handle: noSwarm },
  // Only volumes of a cluster can be changed.
  { method: "PUT", path: "/volumes/{name}", handle: noSwarm },
];
