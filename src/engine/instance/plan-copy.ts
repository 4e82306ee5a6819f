import type { EndpointSettings, HostConfig } from "../../api/generated/engine-api.ts";
import type { InstanceRecord } from "../../core/instance.ts";

/** The record of a copy: what the original was made of, without what only one can have. */
export function planCopy(original: InstanceRecord, id: string): Omit<InstanceRecord, "name" | "createdAt"> {
  const { MacAddress: _, ...config } = original.config;
  return {
    id,
    purpose: "copy",
    image: original.image,
    layers: original.layers,
    config: { ...config, Hostname: id.slice(0, 12) },
    host: { ...original.host, PortBindings: onFreePorts(original.host.PortBindings) },
    networks: Object.fromEntries(
      Object.entries(original.networks).map(([name, settings]) => [name, withoutAddress(settings)]),
    ),
    mounts: original.mounts,
    state: { status: "created" },
    restartCount: 0,
    stoppedByHand: false,
  };
}

/** The host's ports are the original's: each copy gets free ones at the same addresses. */
const onFreePorts = (bindings: HostConfig["PortBindings"]): NonNullable<HostConfig["PortBindings"]> =>
  Object.fromEntries(
    Object.entries(bindings ?? {}).map(([port, hosts]) => [
      port,
      (hosts ?? []).map(({ HostIp }) => ({ HostPort: "", ...(HostIp !== undefined && { HostIp }) })),
    ]),
  );

function withoutAddress({ IPAMConfig: _, MacAddress: __, ...settings }: EndpointSettings): EndpointSettings {
  return settings;
}
