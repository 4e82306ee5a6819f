import type { EndpointSettings } from "../../api/generated/engine-api.ts";
import { IsleError, invalid, messageOf } from "../../base/error.ts";
import { type Endpoint, type InstanceRecord, isRunning, type RunningState } from "../../core/instance.ts";
import type { NetworkRecord } from "../../core/network.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import { publishNetworkEvent } from "../instance/events.ts";
import { findInstance, runtimeOf } from "../instance/find.ts";
import { checkNetworkCount, refuseLiveConnect } from "../instance/isolation-limits.ts";
import { joinRequest } from "../instance/join-network.ts";
import { checkEndpoint } from "../instance/plan-networks.ts";
import { publishRequests } from "../instance/ports.ts";
import { refreshNetworkFiles } from "../instance/refresh-network-files.ts";
import { validateEndpoint } from "../instance/validate-text.ts";
import { findNetwork } from "./networks.ts";

type Running = InstanceRecord & { state: RunningState };

/** Joins an instance to a further network: at once when it runs, else at its next start. */
export async function connectInstance(
  deps: InstanceDeps,
  networkText: string,
  instanceText: string,
  settings: EndpointSettings,
): Promise<void> {
  const network = findNetwork(deps, networkText);
  const { id } = findInstance(deps, instanceText);
  validateEndpoint(settings);
  checkEndpoint(network, settings);
  await deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    checkCanJoin(record, network);
    const { isolation } = runtimeOf(deps, record);
    const networks = { ...record.networks, [network.name]: settings };
    checkNetworkCount(isolation, Object.keys(networks));
    if (!isRunning(record)) return void deps.instances.update(id, { networks });
    if (record.state.endpoints.some(({ networkId }) => networkId === network.id)) {
      throw new IsleError("forbidden", `endpoint with name ${record.name} already exists in network ${network.name}`);
    }
    refuseLiveConnect(isolation, record.name, network.name);
    await joinRunning(deps, record, network, networks);
  });
}

function checkCanJoin({ host, config }: InstanceRecord, network: NetworkRecord): void {
  const mode = host.NetworkMode ?? "bridge";
  if (mode === "host" || network.driver === "host") {
    throw invalid("container cannot be disconnected from host network or connected to host network");
  }
  if (mode.startsWith("container:")) {
    throw invalid(
      "container sharing network namespace with another container or host cannot be connected to any other network",
    );
  }
  if (mode === "none" || network.driver === "none" || config.NetworkDisabled) {
    throw invalid("container cannot be connected to multiple networks with one of the networks in private (none) mode");
  }
}

async function joinRunning(
  deps: InstanceDeps,
  record: Running,
  network: NetworkRecord,
  networks: InstanceRecord["networks"],
): Promise<void> {
  const { id } = record;
  const request = joinRequest(record, network, networks[network.name]!);
  const joined = await deps.networkDriver.connect(id, request);
  const endpoints = await publishLate(deps, record, joined);
  try {
    deps.instances.update(id, { networks, state: { ...record.state, endpoints } });
  } catch (error) {
    await deps.networkDriver.disconnect(id, network.id);
    throw error;
  }
  refreshNetworkFiles(deps, record, findInstance(deps, id));
  publishNetworkEvent(deps, "connect", { networkId: network.id, networkName: network.name }, id);
}

/** Ports that had no way in before the instance joined this network. */
async function publishLate(
  { networkDriver, log }: InstanceDeps,
  { id, config, host }: Running,
  endpoints: readonly Endpoint[],
): Promise<readonly Endpoint[]> {
  const requests = publishRequests(config, host);
  if (requests.length === 0 || endpoints.some(({ ports }) => ports.length > 0)) return endpoints;
  try {
    return await networkDriver.publish(id, requests);
  } catch (error) {
    log.warn("publishing ports after a connect failed", { instance: id, error: messageOf(error) });
    return endpoints;
  }
}

/** Takes an instance out of a network, at once when it runs. */
export async function disconnectInstance(deps: InstanceDeps, networkText: string, instanceText: string): Promise<void> {
  const network = findNetwork(deps, networkText);
  const { id } = findInstance(deps, instanceText);
  await deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    if (network.driver === "host") {
      throw invalid("container cannot be disconnected from host network or connected to host network");
    }
    if (!record.networks[network.name]) {
      throw new IsleError("forbidden", `container ${record.id} is not connected to the network ${network.name}`);
    }
    const { [network.name]: _, ...networks } = record.networks;
    if (!isRunning(record)) return void deps.instances.update(id, { networks });
    const endpoints = await deps.networkDriver.disconnect(id, network.id);
    deps.instances.update(id, { networks, state: { ...record.state, endpoints } });
    refreshNetworkFiles(deps, record, findInstance(deps, id));
    publishNetworkEvent(deps, "disconnect", { networkId: network.id, networkName: network.name }, id);
  });
}
