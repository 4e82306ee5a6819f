import type { ContainerConfig, HostConfig } from "../../api/generated/engine-api.ts";
import { invalid } from "../../base/error.ts";
import { isIp, normalIp } from "../../base/ip.ts";
import type { PublishRequest } from "../../core/network.ts";

const protocols = ["tcp", "udp", "sctp"] as const;

/** Reads `80/tcp`; the protocol is tcp when none is written. */
export function parsePort(text: string): { port: number; protocol: PublishRequest["protocol"] } {
  const [number = "", protocol = "tcp"] = text.toLowerCase().split("/");
  const port = Number(number);
  const known = protocols.find((name) => name === protocol);
  if (!/^\d{1,5}$/.test(number) || port < 1 || port > 65535) throw invalid(`invalid port specification: "${text}"`);
  if (!known) throw invalid(`invalid proto: ${protocol}`);
  return { port, protocol: known };
}

/** What to publish: the given bindings, and with PublishAllPorts every exposed port on a free host port. */
export function publishRequests(config: ContainerConfig, host: HostConfig): PublishRequest[] {
  const bound = Object.entries(host.PortBindings ?? {}).flatMap(([spec, bindings]) => {
    const { port, protocol } = parsePort(spec);
    const list = bindings?.length ? bindings : [{}];
    return list.map((binding) => ({
      containerPort: port,
      protocol,
      hostAddress: checkAddress(binding.HostIp ?? ""),
      hostPort: parseHostPort(binding.HostPort ?? ""),
    }));
  });
  if (!host.PublishAllPorts) return bound;
  const given = new Set(bound.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`));
  const exposed = Object.keys(config.ExposedPorts ?? {}).map(parsePort);
  const rest = exposed.filter(({ port, protocol }) => !given.has(`${port}/${protocol}`));
  const any = { hostAddress: "", hostPort: { first: 0, last: 0 } };
  return [...bound, ...rest.map(({ port, protocol }) => ({ containerPort: port, protocol, ...any }))];
}

/** `8080`, `8000-8010`, or empty for any free one. */
function parseHostPort(text: string): PublishRequest["hostPort"] {
  const match = /^(?:(\d{1,5})(?:-(\d{1,5}))?)?$/.exec(text);
  const first = Number(match?.[1] ?? 0);
  const last = Number(match?.[2] ?? first);
  if (!match || last > 65535 || last < first) throw invalid(`invalid port specification: "${text}"`);
  return { first, last };
}

/** In one spelling, as the firewall shows it. */
function checkAddress(text: string): string {
  if (text === "") return "";
  if (!isIp(text)) throw invalid(`invalid IP address: ${text}`);
  return normalIp(text);
}
