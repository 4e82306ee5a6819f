import type { Family } from "../../../base/ip.ts";
import type { NetworkRecord } from "../../../core/network.ts";

const prefix = "com.docker.network.";

/** What a network's driver options ask for, defaults filled in. They were checked when the network was made. */
export function networkOptions({ options }: Pick<NetworkRecord, "options">) {
  const flag = (name: string) => !/^(false|0)$/i.test(options[`${prefix}bridge.${name}`] ?? "true");
  const mtu = Number(options[`${prefix}driver.mtu`] ?? 0);
  const isRouted = (family: Family) => options[`${prefix}bridge.gateway_mode_ipv${family}`] === "routed";
  return {
    masquerades: (family: Family) => flag("enable_ip_masquerade") && !isRouted(family),
    isRouted,
    icc: flag("enable_icc"),
    mtu: mtu > 0 ? mtu : undefined,
    /** Where ports are published for which no address is named. */
    hostAddress: options[`${prefix}bridge.host_binding_ipv4`] ?? "",
    interfacePrefix: options[`${prefix}container_iface_prefix`] ?? "eth",
    mode: options["macvlan_mode"] ?? options["ipvlan_mode"] ?? "",
  };
}
