import { IsleError } from "../../base/error.ts";
import type { NetworkRecord } from "../../core/network.ts";
import type { Denial, NetworkPolicy } from "../../core/network-policy.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { memberWith } from "./names.ts";
import { findNetwork } from "./networks.ts";

/** Gives a network another policy, or none; it holds for new connections at once. */
export function setPolicy(deps: InstanceDeps, text: string, policy: NetworkPolicy | undefined): Promise<NetworkRecord> {
  return deps.locks.run("networks", async () => {
    const network = findNetwork(deps, text);
    if (network.pools.length === 0) throw new IsleError("forbidden", `network ${network.name} cannot have a policy`);
    const changed = { ...network, policy: policy?.inside || policy?.egress ? policy : undefined };
    await deps.networkDriver.setPolicy(changed);
    // After a crash in between the record decides, which the next start carries out.
    deps.networks.put(changed);
    return changed;
  });
}

export interface NamedDenial extends Denial {
  /** Empty for who is no instance now. */
  readonly sourceName: string;
  readonly destinationName: string;
  readonly networkName: string;
}

/** Attempts that policies stopped, with the names of who has these addresses now. */
export async function listDenials(deps: InstanceDeps, networkText?: string): Promise<NamedDenial[]> {
  const only = networkText ? findNetwork(deps, networkText) : undefined;
  const denials = await deps.networkDriver.denials();
  const named = denials.map((denial) => {
    const source = memberWith(deps, denial.source);
    const destination = memberWith(deps, denial.destination);
    return {
      ...denial,
      sourceName: source?.record.name ?? "",
      destinationName: destination?.record.name ?? "",
      networkName: source?.endpoint.networkName ?? "",
    };
  });
  return only ? named.filter(({ networkName }) => networkName === only.name) : named;
}
