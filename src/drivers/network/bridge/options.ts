import type { NetworkRecord } from "../../../core/network.ts";

const prefix = "com.docker.network.";

/** What a network's driver options ask for, defaults filled in. They were checked when the network was made. */
export function networkOptions({ options }: Pick<NetworkRecord, "options">) {
  const flag = (name: string) => (options[`${prefix}bridge.${name}`] ?? "true").toLowerCase() !== "false";
  const mtu = Number(options[`${prefix}driver.mtu`] ?? 0);
  return { masquerade: flag("enable_ip_masquerade"), icc: flag("enable_icc"), mtu: mtu > 0 ? mtu : undefined };
}
