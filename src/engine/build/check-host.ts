import type { HostConfig } from "../../api/generated/engine-api.ts";
import { invalid } from "../../base/error.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { normalHost } from "../instance/normal-host.ts";
import { planNetworks } from "../instance/plan-networks.ts";
import { validateHost } from "../instance/validate-host.ts";
import { validateText } from "../instance/validate-text.ts";

/** Refuses limits, hosts and networks that no step could have, before a build begins. Returns warnings. */
export function checkBuildHost(deps: InstanceDeps, host: HostConfig): string[] {
  validateText({ config: {}, host, networks: {} });
  const warnings = validateHost(host, deps.machine.facts);
  const { machine, settings, networks } = deps;
  for (const name of Object.keys(planNetworks(deps, normalHost(host, machine.facts, settings), {}))) {
    if (!networks.byName(name)) throw invalid(`network ${name} not found`, { hint: "isle network ls lists them" });
  }
  return warnings;
}
