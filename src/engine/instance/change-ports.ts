import { isDeepStrictEqual } from "node:util";
import type { PortMap } from "../../api/generated/engine-api.ts";
import { conflict, invalid, notFound } from "../../base/error.ts";
import { type Endpoint, type InstanceRecord, isRunning, type PublishedPort } from "../../core/instance.ts";
import type { InstanceDeps } from "./deps.ts";
import { findInstance } from "./find.ts";
import { parsePort, publishRequests } from "./ports.ts";

/** Publishes further ports, at once when the instance runs. Returns what was published. */
export async function addPorts(deps: InstanceDeps, text: string, bindings: PortMap): Promise<PublishedPort[]> {
  const { id } = findInstance(deps, text);
  return deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    const requests = publishRequests({}, { PortBindings: bindings });
    if (requests.length === 0) throw invalid("no port to publish");
    checkOwnNetwork(record);
    const host = { ...record.host, PortBindings: merged(record.host.PortBindings ?? {}, bindings) };
    if (!isRunning(record)) {
      deps.instances.update(id, { host });
      return [];
    }
    const endpoints = await deps.networkDriver.publish(id, requests);
    const before = portsOf(record.state.endpoints);
    const added = portsOf(endpoints).filter((port) => !before.some((other) => isDeepStrictEqual(other, port)));
    try {
      deps.instances.update(id, { host, state: { ...record.state, endpoints } });
    } catch (error) {
      await deps.networkDriver.unpublish(id, added);
      throw error;
    }
    return added;
  });
}

export interface PortChoice {
  /** Such as `80/tcp`. */
  readonly port: string;
  /** Empty for every host port that leads there. */
  readonly hostPort: string;
  readonly hostAddress: string;
}

/** Takes published ports back, at once when the instance runs. */
export async function removePorts(deps: InstanceDeps, text: string, choice: PortChoice): Promise<void> {
  const { id } = findInstance(deps, text);
  const { port, protocol } = parsePort(choice.port);
  const isChosen = (hostPort: string, hostAddress: string) =>
    (choice.hostPort === "" || choice.hostPort === hostPort) &&
    (choice.hostAddress === "" || choice.hostAddress === hostAddress);
  await deps.locks.run(id, async () => {
    const record = findInstance(deps, id);
    const key = `${port}/${protocol}`;
    const live = isRunning(record) ? portsOf(record.state.endpoints) : [];
    const gone = live.filter(
      (each) =>
        each.containerPort === port && each.protocol === protocol && isChosen(String(each.hostPort), each.hostAddress),
    );
    const bindings = Object.fromEntries(
      Object.entries(record.host.PortBindings ?? {}).flatMap(([spec, list]) => {
        if (spec.toLowerCase() !== key && `${spec}/tcp` !== key) return [[spec, list]];
        const kept = (list ?? []).filter(({ HostPort, HostIp }) => !isChosen(HostPort ?? "", HostIp ?? ""));
        return kept.length > 0 && choice.hostPort !== "" ? [[spec, kept]] : [];
      }),
    );
    const host = { ...record.host, PortBindings: bindings };
    if (gone.length === 0 && isDeepStrictEqual(bindings, record.host.PortBindings ?? {})) {
      throw notFound(`container ${record.name} publishes no such port: ${choice.port}`);
    }
    if (!isRunning(record)) return void deps.instances.update(id, { host });
    const endpoints = gone.length > 0 ? await deps.networkDriver.unpublish(id, gone) : record.state.endpoints;
    deps.instances.update(id, { host, state: { ...record.state, endpoints } });
  });
}

/** Who stands on another's network, or on none, has no ports to publish. */
function checkOwnNetwork({ name, host }: InstanceRecord): void {
  const mode = host.NetworkMode ?? "bridge";
  if (mode !== "host" && mode !== "none" && !mode.startsWith("container:")) return;
  throw conflict(`container ${name} has no network of its own: its network mode is ${mode}`);
}

function merged(before: PortMap, more: PortMap): PortMap {
  const out = { ...before };
  for (const [key, list] of Object.entries(more)) {
    out[key] = [...(out[key] ?? []), ...(list?.length ? list : [{ HostIp: "", HostPort: "" }])];
  }
  return out;
}

const portsOf = (endpoints: readonly Endpoint[]): PublishedPort[] => endpoints.flatMap(({ ports }) => ports);
