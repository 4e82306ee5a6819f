import { invalid, isCode } from "../../base/error.ts";
import { namePattern } from "../../base/name-pattern.ts";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import { findImage } from "../image/find-image.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance } from "./find.ts";
import { parsePort, publishRequests } from "./ports.ts";

export interface ListRequest {
  readonly all: boolean;
  readonly limit: number | undefined;
  readonly filters: ReadonlyMap<string, readonly string[]>;
}

export const listFilters = [
  "ancestor",
  "before",
  "expose",
  "exited",
  "health",
  "id",
  "is-task",
  "isolation",
  "label",
  "name",
  "network",
  "publish",
  "since",
  "status",
  "volume",
] as const;

/** Instances newest first; those that do not run only when asked for. */
export function listInstances(deps: InstanceDeps, { all, limit, filters }: ListRequest): InstanceRecord[] {
  const tests = [...filters].map(([name, values]) => testFor(deps, name, values));
  const everything = all || (limit ?? 0) > 0 || filters.has("status") || filters.has("exited");
  const found = deps.instances
    .list()
    .filter(({ purpose }) => purpose === undefined)
    .filter((record) => everything || isRunning(record) || record.state.status === "restarting")
    .filter((record) => tests.every((test) => test(record)))
    .sort((a, b) => (a.createdAt < b.createdAt ? 1 : -1));
  return limit === undefined || limit <= 0 ? found : found.slice(0, limit);
}

type Test = (record: InstanceRecord) => boolean;

const states = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];
const healths = ["starting", "healthy", "unhealthy", "none"];

function testFor(deps: InstanceDeps, name: string, values: readonly string[]): Test {
  const any = (test: (value: string) => Test): Test => {
    const tests = values.map(test);
    return (record) => tests.some((t) => t(record));
  };
  switch (name) {
    case "status":
      return any((value) => byStatus(value));
    case "label":
      return (record) => values.every((value) => matchesLabel(record, value));
    case "name":
      return any((value) => byName(value));
    case "id":
      return any((value) => (record) => record.id.startsWith(value));
    case "exited":
      return any((value) => byExitCode(value));
    case "health":
      return any((value) => byHealth(value));
    case "before":
    case "since":
      return any((value) => byAge(deps, name, value));
    case "ancestor":
      return any((value) => byAncestor(deps, value));
    default:
      return any((value) => byAttachment(deps, name, value));
  }
}

function byStatus(value: string): Test {
  if (!states.includes(value))
    throw invalid(`invalid filter 'status=${value}'`, { hint: `it must be one of ${states.join(", ")}` });
  return (record) => record.state.status === value;
}

function byExitCode(value: string): Test {
  if (!/^-?\d+$/.test(value)) throw invalid(`invalid filter 'exited=${value}': not a whole number`);
  return ({ state }) => "finishedAt" in state && state.exitCode === Number(value);
}

function byHealth(value: string): Test {
  if (!healths.includes(value))
    throw invalid(`invalid filter 'health=${value}'`, { hint: `it must be one of ${healths.join(", ")}` });
  return (record) => (record.health?.status ?? "none") === value;
}

/** A regular expression over the name, with or without its slash. */
function byName(value: string): Test {
  const pattern = namePattern(value);
  return ({ name }) => pattern.test(name) || pattern.test(`/${name}`);
}

/** `key` or `key=value`. */
export function matchesLabel({ config }: Pick<InstanceRecord, "config">, text: string): boolean {
  const [key = "", ...rest] = text.split("=");
  const value = config.Labels?.[key];
  return value !== undefined && (rest.length === 0 || value === rest.join("="));
}

function byAge(deps: InstanceDeps, name: "before" | "since", value: string): Test {
  const { createdAt } = findInstance(deps, value);
  return (record) => (name === "before" ? record.createdAt < createdAt : record.createdAt > createdAt);
}

/** Instances of the image or of one made from it. */
function byAncestor(deps: InstanceDeps, value: string): Test {
  try {
    const ancestor = findImage(deps.images, value).image;
    const depth = ancestor.layers.length;
    const top = ancestor.layers.at(-1)?.chainId;
    return ({ image, layers }) =>
      image.id === ancestor.id || (top !== undefined && layers[depth - 1] === top && image.name === value);
  } catch (error) {
    if (isCode(error, "notFound")) return () => false;
    throw error;
  }
}

function byAttachment(deps: InstanceDeps, name: string, value: string): Test {
  switch (name) {
    case "network": {
      const network = deps.networks.byName(value) ?? deps.networks.list().find(({ id }) => id.startsWith(value));
      return ({ networks }) => Object.hasOwn(networks, network?.name ?? value);
    }
    case "volume":
      return ({ mounts }) => mounts.some(({ source, target }) => source === value || target === value);
    case "publish":
    case "expose":
      return byPort(name, value);
    case "isolation":
      return ({ host }) => (host.Isolation || "default") === value;
    default:
      if (!/^(0|1|true|false)$/.test(value)) throw invalid(`invalid filter 'is-task=[${value}]'`);
      return () => value === "false" || value === "0";
  }
}

function byPort(name: "publish" | "expose", value: string): Test {
  const [range = "", protocol = "tcp"] = value.split("/");
  const [first = "", last = first] = range.split("-");
  if (!/^\d+(-\d+)?$/.test(range)) throw invalid(`invalid filter '${name}=${value}': not a port`);
  const fits = (port: number, proto: string) => proto === protocol && port >= Number(first) && port <= Number(last);
  return ({ config, host }) =>
    name === "publish"
      ? publishRequests(config, host).some(
          (p) => fits(p.containerPort, p.protocol) || fits(p.hostPort.first, p.protocol),
        )
      : Object.keys(config.ExposedPorts ?? {})
          .map(parsePort)
          .some((p) => fits(p.port, p.protocol));
}
