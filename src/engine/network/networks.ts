import { IsleError, invalid, notFound } from "../../base/error.ts";
import { hasLabel } from "../../base/labels.ts";
import { namePattern } from "../../base/name-pattern.ts";
import { parseMoment, parseNanos } from "../../base/time.ts";
import { type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { NetworkRecord } from "../../core/network.ts";
import type { InstanceDeps } from "../instance/deps.ts";

export const networkFilters = ["dangling", "driver", "id", "label", "name", "scope", "type"] as const;
export const networkPruneFilters = ["until", "label", "label!"] as const;

type Filters = ReadonlyMap<string, readonly string[]>;

export function findNetwork({ networks }: Pick<InstanceDeps, "networks">, text: string): NetworkRecord {
  const found = networks.get(text) ?? networks.byName(text);
  if (found) return found;
  const byPrefix = networks.list().filter(({ id }) => id.startsWith(text));
  if (byPrefix.length > 1)
    throw invalid(`network ${text} is ambiguous (${byPrefix.length} matches found on ID prefix)`);
  if (!byPrefix[0]) throw notFound(`network ${text} not found`);
  return byPrefix[0];
}

/** Has names answered on the network's gateway addresses. */
export async function serveNames(
  { names, networkDriver }: Pick<InstanceDeps, "names" | "networkDriver">,
  network: NetworkRecord,
): Promise<void> {
  const ports = await names.serve(network);
  if (ports.length > 0) await networkDriver.redirectNames(network.id, ports);
}

export function publishNetwork({ events }: InstanceDeps, network: NetworkRecord, action: "create" | "destroy"): void {
  const attributes = { name: network.name, type: network.driver };
  events.publish({ type: "network", action, actor: { id: network.id, attributes } });
}

/** Running instances on the network. */
export function membersOf({ instances }: Pick<InstanceDeps, "instances">, { id }: NetworkRecord): InstanceRecord[] {
  return instances
    .list()
    .filter((record) => isRunning(record) && record.state.endpoints.some((e) => e.networkId === id));
}

export function removeNetwork(deps: InstanceDeps, text: string): Promise<void> {
  return deps.locks.run("networks", () => remove(deps, text));
}

async function remove(deps: InstanceDeps, text: string): Promise<void> {
  const network = findNetwork(deps, text);
  if (network.predefined) {
    throw new IsleError("forbidden", `${network.name} is a pre-defined network and cannot be removed`);
  }
  const members = membersOf(deps, network);
  if (members.length > 0) {
    throw new IsleError(
      "forbidden",
      `error while removing network: network ${network.name} has active endpoints (${members.map(({ name }) => `name:"${name}"`).join(", ")})`,
    );
  }
  await deps.networkDriver.remove(network);
  deps.networks.remove(network.id);
  await deps.names.forget(network.id);
  publishNetwork(deps, network, "destroy");
}

/** Networks that no instance names, running or not. */
export async function pruneNetworks(deps: InstanceDeps, filters: Filters): Promise<string[]> {
  const used = new Set(deps.instances.list().flatMap(({ networks }) => Object.keys(networks)));
  const tests = pruneTests(filters);
  const doomed = deps.networks
    .list()
    .filter((network) => !network.predefined && !used.has(network.name) && tests.every((test) => test(network)));
  for (const { id } of doomed) await removeNetwork(deps, id);
  deps.events.publish({ type: "network", action: "prune", actor: { id: "", attributes: { reclaimed: "0" } } });
  return doomed.map(({ name }) => name);
}

function pruneTests(filters: Filters): Array<(network: NetworkRecord) => boolean> {
  return [...filters].map(([name, values]) => {
    if (name === "until") {
      const until = parseMoment(values[0] ?? "");
      return ({ createdAt }) => parseNanos(createdAt) < until;
    }
    if (name === "label") return ({ labels }) => values.every((value) => hasLabel(labels, value));
    return ({ labels }) => !values.some((value) => hasLabel(labels, value));
  });
}

export function listNetworks(deps: InstanceDeps, filters: Filters): NetworkRecord[] {
  const tests = [...filters].map(([name, values]) => networkTest(deps, name, values));
  return deps.networks.list().filter((network) => tests.every((test) => test(network)));
}

function networkTest(deps: InstanceDeps, name: string, values: readonly string[]): (n: NetworkRecord) => boolean {
  const any = (test: (network: NetworkRecord, value: string) => boolean) => (network: NetworkRecord) =>
    values.some((value) => test(network, value));
  switch (name) {
    case "driver":
      return any((network, value) => shownDriver(network) === value);
    case "id":
      return any((network, value) => network.id.startsWith(value));
    case "name": {
      const patterns = values.map(namePattern);
      return (network) => patterns.some((pattern) => pattern.test(network.name));
    }
    case "label":
      return (network) => values.every((value) => hasLabel(network.labels, value));
    case "type":
      if (values.some((value) => value !== "builtin" && value !== "custom")) {
        throw invalid(`invalid filter 'type=${values.join(",")}'`, { hint: "it is builtin or custom" });
      }
      return any((network, value) => (value === "builtin") === network.predefined);
    case "dangling":
      return any(
        (network, value) => (value === "true") === (!network.predefined && membersOf(deps, network).length === 0),
      );
    default:
      return any((_, value) => value === "local");
  }
}

export const shownDriver = ({ driver }: NetworkRecord): string => (driver === "none" ? "null" : driver);
