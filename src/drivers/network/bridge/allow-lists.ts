import { familyOf } from "../../../base/ip.ts";
import type { Endpoint } from "../../../core/instance.ts";
import type { NamedAddress, NetworkRecord } from "../../../core/network.ts";
import { type EgressPolicy, nameMatches } from "../../../core/network-policy.ts";
import type { LearnedAddress } from "./firewall.ts";
import { namesSet, ownerOf } from "./policy-rules.ts";

type Networks = ReadonlyMap<string, NetworkRecord>;

/** True when an allow-list that holds for these endpoints has the name. */
export const isListed = (endpoints: readonly Endpoint[], networks: Networks, name: string): boolean =>
  allowLists(endpoints, networks).some(({ egress }) => namedRules(egress, name).length > 0);

/** Elements that open those allow-lists for the addresses of the name. */
export function opened(
  endpoints: readonly Endpoint[],
  networks: Networks,
  { name, addresses }: { name: string; addresses: readonly NamedAddress[] },
): LearnedAddress[] {
  return allowLists(endpoints, networks).flatMap(({ owner, egress }) =>
    namedRules(egress, name).flatMap((index) =>
      addresses.map(({ address, ttlSeconds }) => ({
        set: namesSet(owner, index, familyOf(address)),
        address,
        // Who asked may go on using an answer for a while.
        seconds: Math.max(300, 2 * ttlSeconds),
      })),
    ),
  );
}

/** An instance's own lists and those of its networks. */
function allowLists(
  endpoints: readonly Endpoint[],
  networks: Networks,
): Array<{ owner: string; egress: EgressPolicy }> {
  return endpoints.flatMap(({ endpointId, networkId, egress }) => {
    const ofNetwork = networks.get(networkId)?.policy?.egress;
    return [
      ...(egress ? [{ owner: ownerOf(endpointId), egress }] : []),
      ...(ofNetwork ? [{ owner: ownerOf(networkId), egress: ofNetwork }] : []),
    ];
  });
}

/** Places of the rules that are about a name. */
const namedRules = ({ rules }: EgressPolicy, name: string): number[] =>
  rules.flatMap(({ kind, target }, index) => (kind === "name" && nameMatches(target, name) ? [index] : []));
