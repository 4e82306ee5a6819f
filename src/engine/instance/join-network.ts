import { conflict, notFound } from "../../base/error.ts";
import type { Undo } from "../../base/undo.ts";
import { type Endpoint, type InstanceRecord, isRunning } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance, procOf } from "./find.ts";
import { publishRequests } from "./ports.ts";

/** The network namespace an instance starts in; undefined path for the host's. */
export interface Joined {
  readonly netns: string | undefined;
  readonly endpoint?: Endpoint;
  /** Instance whose namespace, hosts file and resolver settings are shared. */
  readonly sharedWith?: InstanceRecord;
}

export async function joinNetwork(deps: InstanceDeps, record: InstanceRecord, undo: Undo): Promise<Joined> {
  const mode = record.host.NetworkMode ?? "bridge";
  if (mode === "host") return { netns: undefined };
  if (mode.startsWith("container:")) return shareNetwork(deps, mode.slice("container:".length));
  undo.add(() => deps.networkDriver.detach(record.id));
  if (mode === "none" || record.config.NetworkDisabled) {
    return { netns: await deps.networkDriver.isolated(record.id) };
  }
  return attach(deps, record, mode);
}

function shareNetwork(deps: InstanceDeps, text: string): Joined {
  const other = findInstance(deps, text);
  if (!isRunning(other))
    throw conflict(
      `cannot join network namespace of a non running container: container ${other.name} is ${other.state.status}`,
    );
  if (other.host.NetworkMode === "host") return { netns: undefined, sharedWith: other };
  return { netns: `${procOf(deps, other)}/ns/net`, sharedWith: other };
}

async function attach(deps: InstanceDeps, record: InstanceRecord, name: string): Promise<Joined> {
  const network = deps.networks.byName(name) ?? deps.networks.get(name);
  if (!network) throw notFound(`network ${name} not found`);
  const settings = record.networks[name] ?? record.networks["default"] ?? {};
  const { netns, endpoint } = await deps.networkDriver.attach({
    instanceId: record.id,
    network,
    address: settings.IPAMConfig?.IPv4Address ?? undefined,
    mac: settings.MacAddress || record.config.MacAddress || undefined,
    ports: publishRequests(record.config, record.host),
  });
  const attributes = { container: record.id, name: network.name, type: network.driver };
  deps.events.publish({ type: "network", action: "connect", actor: { id: network.id, attributes } });
  return { netns, endpoint };
}
