import { usageError } from "../exit.ts";
import { splitOnce } from "../split-once.ts";
import { isAddress } from "./checks.ts";

interface PortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

export interface PublishedPorts {
  /** Keys such as `80/tcp`. */
  readonly exposed: Record<string, object>;
  readonly bindings: Record<string, PortBinding[]>;
}

/** What `--publish` and `--expose` ask for. */
export function portPlan(publish: readonly string[], expose: readonly string[]): PublishedPorts {
  const plan: PublishedPorts = { exposed: {}, bindings: {} };
  for (const text of publish) addPublished(plan, text);
  for (const text of expose) addExposed(plan, text);
  return plan;
}

/** Long forms of `--publish` become the short one. */
export function checkPort(text: string): string {
  if (!text.includes("=")) return text;
  const fields = Object.fromEntries(text.split(",").map((field) => splitOnce(field, "=")));
  const unknown = Object.keys(fields).find((key) => !["mode", "target", "published", "protocol"].includes(key));
  if (unknown !== undefined) throw new Error(`invalid field key ${unknown}`);
  const published = fields["published"] === undefined ? "" : `${fields["published"]}:`;
  return `${published}${fields["target"]}/${fields["protocol"] ?? "tcp"}`;
}

/** `name` or `name:alias`. */
export function checkLink(text: string): string {
  const parts = text.split(":");
  if (parts.length > 2 || parts[0] === "") throw new Error(`bad format for links: ${text}`);
  return text;
}

function addPublished(plan: PublishedPorts, text: string): void {
  const { ip, hostPort, containerPort, protocol } = splitPort(text);
  const [first, last] = range(containerPort, () => usageError(`invalid containerPort: ${containerPort}`));
  const host = hostPort === "" ? undefined : range(hostPort, () => usageError(`invalid hostPort: ${hostPort}`));
  const count = last - first + 1;
  if (host !== undefined && count !== 1 && host[1] - host[0] + 1 !== count) {
    throw usageError(`invalid ranges specified for container and host Ports: ${containerPort} and ${hostPort}`);
  }
  for (let offset = 0; offset < count; offset += 1) {
    const key = `${first + offset}/${protocol}`;
    plan.exposed[key] = {};
    const binding = { HostIp: ip, HostPort: hostPortText(host, { offset, count }) };
    plan.bindings[key] = [...(plan.bindings[key] ?? []), binding];
  }
}

/** One container port on a range of host ports means: any of them. */
function hostPortText(
  host: [number, number] | undefined,
  { offset, count }: { offset: number; count: number },
): string {
  if (host === undefined) return "";
  if (count === 1 && host[1] !== host[0]) return `${host[0]}-${host[1]}`;
  return String(host[0] + offset);
}

export function splitPort(text: string): { ip: string; hostPort: string; containerPort: string; protocol: string } {
  const [spec, protocolText = "tcp"] = splitOnce(text, "/");
  const protocol = protocolText.toLowerCase() || "tcp";
  if (!["tcp", "udp", "sctp"].includes(protocol)) throw usageError(`invalid proto: ${protocolText}`);
  const match = /^(?:(?:\[([^\]]*)\]|(.*)):)?([^:]*):([^:]*)$/.exec(spec) ?? [spec, undefined, undefined, "", spec];
  const [, bracketed, plain, hostPort = "", containerPort = ""] = match;
  if (containerPort === "") throw usageError(`no port specified: ${text}<empty>`);
  const ip = bracketed ?? plain ?? "";
  if (ip !== "" && !isAddress(ip)) throw usageError(`invalid IP address: ${ip}`);
  return { ip, hostPort, containerPort, protocol };
}

function addExposed(plan: PublishedPorts, text: string): void {
  if (text.includes(":")) throw usageError(`invalid port format for --expose: ${text}`);
  const [ports, protocol = "tcp"] = splitOnce(text, "/");
  const [first, last] = range(ports, () => usageError(`invalid range format for --expose: ${text}`));
  for (let port = first; port <= last; port += 1) plan.exposed[`${port}/${protocol.toLowerCase()}`] = {};
}

function range(text: string, refuse: () => Error): [number, number] {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = match?.[2] === undefined ? first : Number(match[2]);
  if (!match || last > 65535 || last < first) throw refuse();
  return [first, last];
}
