import type { EventBus } from "../../core/event.ts";
import type { Endpoint, InstanceRecord } from "../../core/instance.ts";
import type { NetworkRepository } from "../../core/network.ts";

/** Publishes what happened to an instance, with its labels, image and name as Docker's events carry them. */
export function publishInstanceEvent(
  { events }: { events: EventBus },
  record: InstanceRecord,
  action: string,
  more: Record<string, string> = {},
): void {
  const labels = Object.fromEntries(Object.entries(record.config.Labels ?? {}).map(([k, v]) => [k, v ?? ""]));
  const attributes = { ...labels, image: record.image.name, name: record.name, ...more };
  events.publish({ type: "container", action, actor: { id: record.id, attributes } });
}

/** Publishes that an instance began or ceased to use its volumes. */
export function publishVolumeEvents(
  { events }: { events: EventBus },
  { id, mounts }: InstanceRecord,
  action: "mount" | "unmount",
): void {
  for (const { type, source, target, readonly, propagation } of mounts) {
    if (type !== "volume") continue;
    const use = { destination: target, propagation, "read/write": String(!readonly) };
    const attributes = { container: id, driver: "local", ...(action === "mount" && use) };
    events.publish({ type: "volume", action, actor: { id: source, attributes } });
  }
}

export function publishNetworkEvent(
  { events, networks }: { events: EventBus; networks: NetworkRepository },
  action: "connect" | "disconnect",
  { networkId, networkName }: Pick<Endpoint, "networkId" | "networkName">,
  instanceId: string,
): void {
  const attributes = { container: instanceId, name: networkName, type: networks.get(networkId)?.driver ?? "bridge" };
  events.publish({ type: "network", action, actor: { id: networkId, attributes } });
}
