import type { Endpoint } from "../../../core/instance.ts";
import { interfaceIndex, type Netlink } from "../../../os/netlink.ts";
import { withInside } from "./namespace.ts";

/** Limits what goes to the instance at the host's end of its cable, and what comes from it at its own end. */
export function shape(netlink: Netlink, netns: string, { rate, hostInterface, interface: name }: Endpoint): void {
  if (rate?.inBits && hostInterface !== "") netlink.limitRate(interfaceIndex(hostInterface), rate.inBits);
  if (rate?.outBits) withInside(netns, (inside) => inside.limitRate(interfaceIndex(name), rate.outBits!));
}
