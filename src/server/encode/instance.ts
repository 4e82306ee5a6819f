import type {
  ContainerInspectResponse,
  ContainerState,
  ContainerSummary,
  EndpointSettings,
  MountPoint,
  NetworkSettings,
  Port,
  PortMap,
} from "../../api/generated/engine-api.ts";
import { formatReference, parseReference, withDefaultTag } from "../../base/reference.ts";
import { zeroTime } from "../../base/time.ts";
import {
  type Endpoint,
  type InstanceMount,
  type InstanceRecord,
  isRunning,
  type PublishedPort,
} from "../../core/instance.ts";
import type { InstanceDeps } from "../../engine/instance/deps.ts";
import { answersNames } from "../../engine/instance/network-files.ts";
import { publishRequests } from "../../engine/instance/ports.ts";
import { statusText } from "../../engine/instance/status-text.ts";
import { dnsNames } from "../../engine/network/names.ts";

/** The reply of `GET /containers/{id}/json`. */
export function encodeInspect(deps: InstanceDeps, record: InstanceRecord): ContainerInspectResponse {
  const { config, host, id } = record;
  const [path = "", ...args] = [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])];
  const directory = deps.settings.paths.instance(id);
  const file = (name: string) => (isRunning(record) || record.state.status !== "created" ? `${directory}/${name}` : "");
  return {
    Id: id,
    Created: record.createdAt,
    Path: path,
    Args: args,
    State: encodeState(record),
    Image: record.image.id,
    ResolvConfPath: file("resolv.conf"),
    HostnamePath: file("hostname"),
    HostsPath: file("hosts"),
    LogPath: host.LogConfig?.Type === "none" ? "" : deps.settings.paths.log(id),
    Name: `/${record.name}`,
    RestartCount: record.restartCount,
    Driver: "overlay2",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: deps.execs.idsOf(id).length > 0 ? deps.execs.idsOf(id) : null,
    HostConfig: host,
    GraphDriver: { Name: "overlay2", Data: {} },
    Mounts: encodeMounts(deps, record),
    Config: config,
    NetworkSettings: encodeNetworkSettings(deps, record),
  };
}

export function encodeState(record: InstanceRecord): ContainerState {
  const { state, health } = record;
  const ended = "finishedAt" in state ? state : undefined;
  const running = isRunning(record) ? record.state : undefined;
  return {
    Status: state.status,
    Running: running !== undefined || state.status === "restarting",
    Paused: state.status === "paused",
    Restarting: state.status === "restarting",
    OOMKilled: ended?.oomKilled ?? false,
    Dead: state.status === "dead",
    Pid: running?.pid ?? 0,
    ExitCode: "exitCode" in state ? (state.exitCode ?? 0) : 0,
    Error: "error" in state ? (state.error ?? "") : "",
    StartedAt: "startedAt" in state ? state.startedAt : zeroTime,
    FinishedAt: ended?.finishedAt ?? zeroTime,
    ...(health && { Health: encodeHealth(health) }),
  };
}

const encodeHealth = (health: NonNullable<InstanceRecord["health"]>): NonNullable<ContainerState["Health"]> => ({
  Status: health.status,
  FailingStreak: health.failingStreak,
  Log: health.log.map(({ start, end, exitCode, output }) => ({
    Start: start,
    End: end,
    ExitCode: exitCode,
    Output: output,
  })),
});

/** All but what `--tmpfs` asked for, which is among the options alone. */
const encodeMounts = (deps: InstanceDeps, { mounts, host }: InstanceRecord): MountPoint[] =>
  mounts
    .filter(({ type, target }) => type !== "tmpfs" || !Object.hasOwn(host.Tmpfs ?? {}, target))
    .map((mount) => encodeMount(deps, mount));

function encodeMount(deps: InstanceDeps, mount: InstanceMount): MountPoint {
  const isVolume = mount.type === "volume";
  return {
    Type: mount.type,
    ...(isVolume && { Name: mount.source, Driver: mount.driver ?? "local" }),
    Source: isVolume ? deps.volumeDriver.path(mount.source) : mount.source,
    Destination: mount.target,
    Mode: mount.mode,
    RW: !mount.readonly,
    Propagation: mount.type === "bind" ? mount.propagation || "rprivate" : "",
  };
}

function encodeNetworkSettings(deps: InstanceDeps, record: InstanceRecord): NetworkSettings {
  const running = isRunning(record) ? record.state : undefined;
  const bridge = deps.networks.byName("bridge");
  const shown = running?.endpoints.find(({ networkId }) => networkId === bridge?.id);
  return {
    Bridge: "",
    SandboxID: running?.netns?.split("/").at(-1) ?? "",
    SandboxKey: running?.netns ?? "",
    Ports: running ? encodePorts(record, running.endpoints) : {},
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: shown?.endpointId ?? "",
    Gateway: shown?.gateway ?? "",
    GlobalIPv6Address: shown?.address6 ?? "",
    GlobalIPv6PrefixLen: shown?.prefixLength6 ?? 0,
    IPAddress: shown?.address ?? "",
    IPPrefixLen: shown?.prefixLength ?? 0,
    IPv6Gateway: shown?.gateway6 ?? "",
    MacAddress: shown?.mac ?? "",
    Networks: encodeNetworks(deps, record),
  };
}

/** By network name; before the start only the name is known. */
function encodeNetworks(deps: InstanceDeps, record: InstanceRecord): Record<string, EndpointSettings> {
  const endpoints = isRunning(record) ? record.state.endpoints : [];
  return Object.fromEntries(
    Object.entries(record.networks).map(([name, given]) => {
      const network = deps.networks.byName(name);
      const endpoint = endpoints.find(({ networkId }) => networkId === network?.id);
      const shown = encodeEndpoint(given, network?.id ?? "", endpoint, record.state.status !== "created");
      return [name, { ...shown, DNSNames: network && answersNames(network) ? dnsNames(record, name) : null }];
    }),
  );
}

function encodeEndpoint(
  given: EndpointSettings,
  networkId: string,
  endpoint: Endpoint | undefined,
  hasRun: boolean,
): EndpointSettings {
  return {
    IPAMConfig: given.IPAMConfig ?? null,
    Links: given.Links ?? null,
    Aliases: given.Aliases ?? null,
    MacAddress: endpoint?.mac ?? "",
    DriverOpts: given.DriverOpts ?? null,
    GwPriority: given.GwPriority ?? 0,
    NetworkID: endpoint?.networkId ?? (hasRun ? networkId : ""),
    EndpointID: endpoint?.endpointId ?? "",
    Gateway: endpoint?.gateway ?? "",
    IPAddress: endpoint?.address ?? "",
    IPPrefixLen: endpoint?.prefixLength ?? 0,
    IPv6Gateway: endpoint?.gateway6 ?? "",
    GlobalIPv6Address: endpoint?.address6 ?? "",
    GlobalIPv6PrefixLen: endpoint?.prefixLength6 ?? 0,
  };
}

function encodePorts(record: InstanceRecord, endpoints: readonly Endpoint[]): PortMap {
  const map: PortMap = {};
  for (const spec of Object.keys(record.config.ExposedPorts ?? {})) map[withProtocol(spec)] = null;
  for (const { containerPort, protocol } of publishRequests(record.config, record.host)) {
    map[`${containerPort}/${protocol}`] = null;
  }
  for (const { containerPort, protocol, hostAddress, hostPort } of endpoints.flatMap(shownPorts)) {
    const key = `${containerPort}/${protocol}`;
    map[key] = [...(map[key] ?? []), { HostIp: hostAddress, HostPort: String(hostPort) }];
  }
  return map;
}

/** A port on all addresses is one of each family that leads somewhere. */
const shownPorts = ({ ports, address, address6 }: Endpoint): PublishedPort[] =>
  ports.flatMap((port) => {
    if (port.hostAddress !== "") return [port];
    const any = [...(address ? ["0.0.0.0"] : []), ...(address6 ? ["::"] : [])];
    return any.map((hostAddress) => ({ ...port, hostAddress }));
  });

const withProtocol = (spec: string): string => (spec.includes("/") ? spec : `${spec}/tcp`);

/** One row of `GET /containers/json`. */
export function encodeSummary(deps: InstanceDeps, record: InstanceRecord): ContainerSummary {
  const { config, host, state } = record;
  return {
    Id: record.id,
    Names: [`/${record.name}`],
    Image: imageShown(deps, record),
    ImageID: record.image.id,
    Command: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])].map(quoteWord).join(" "),
    Created: Math.floor(Date.parse(record.createdAt) / 1000),
    Ports: summaryPorts(record),
    Labels: config.Labels ?? {},
    State: state.status,
    Status: statusText(record),
    HostConfig: {
      NetworkMode: host.NetworkMode ?? "bridge",
      ...(host.Annotations && { Annotations: host.Annotations }),
    },
    NetworkSettings: { Networks: encodeNetworks(deps, record) },
    Mounts: encodeMounts(deps, record),
  };
}

/** The name it was made from, or the id once that name points elsewhere. */
function imageShown({ images }: InstanceDeps, { image }: InstanceRecord): string {
  if (image.id.startsWith(image.name) || image.id.startsWith(`sha256:${image.name}`)) return image.name;
  const name = formatReference(withDefaultTag(parseReference(image.name)));
  return images.resolveName(name) === image.id ? image.name : image.id;
}

/** For people to read, as Docker writes it: not for a shell. */
const quoteWord = (word: string, index: number): string => (index > 0 && word.includes(" ") ? `'${word}'` : word);

function summaryPorts(record: InstanceRecord): Port[] {
  if (!isRunning(record)) return [];
  const published = record.state.endpoints.flatMap(shownPorts);
  const rows: Port[] = published.map(({ containerPort, protocol, hostAddress, hostPort }) => ({
    IP: hostAddress,
    PrivatePort: containerPort,
    PublicPort: hostPort,
    Type: protocol,
  }));
  const seen = new Set(rows.map(({ PrivatePort, Type }) => `${PrivatePort}/${Type}`));
  const exposed = Object.keys(record.config.ExposedPorts ?? {}).map(withProtocol);
  const rest = exposed.filter((spec) => !seen.has(spec)).map((spec) => spec.split("/"));
  return [...rows, ...rest.map(([port, type]) => ({ PrivatePort: Number(port), Type: type as "tcp" }))];
}
