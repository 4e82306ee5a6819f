import type { Port } from "../../api/generated/engine-api.ts";

interface Group {
  readonly key: string;
  first: number;
  last: number;
}

/** `0.0.0.0:80->80/tcp, 90-91/udp`: published and exposed ports, neighbours joined. */
export function formatPorts(ports: readonly Port[]): string {
  const groups = new Map<string, Group>();
  const done: string[] = [];
  const mapped: string[] = [];
  for (const port of [...ports].sort(compare)) {
    const { IP, PrivatePort = 0, PublicPort, Type } = port;
    if (IP && PublicPort !== PrivatePort) {
      mapped.push(`${joinHostPort(IP, String(PublicPort))}->${PrivatePort}/${Type}`);
      continue;
    }
    const finished = addToGroup(groups, IP ? `${IP}/${Type}` : String(Type), PrivatePort ?? 0);
    if (finished !== undefined) done.push(finished);
  }
  return [...done, ...[...groups.values()].map(formatGroup), ...mapped].join(", ");
}

/** Adds a port to its group; the text of the group it replaces when there is a gap. */
function addToGroup(groups: Map<string, Group>, key: string, port: number): string | undefined {
  const group = groups.get(key);
  if (group !== undefined && port === group.last + 1) {
    group.last = port;
    return undefined;
  }
  groups.set(key, { key, first: port, last: port });
  return group === undefined ? undefined : formatGroup(group);
}

function formatGroup({ key, first, last }: Group): string {
  const numbers = first === last ? String(first) : `${first}-${last}`;
  const slash = key.lastIndexOf("/");
  if (slash === -1) return `${numbers}/${key}`;
  return `${joinHostPort(key.slice(0, slash), numbers)}->${numbers}/${key.slice(slash + 1)}`;
}

function compare(a: Port, b: Port): number {
  if (a.PrivatePort !== b.PrivatePort) return (a.PrivatePort ?? 0) - (b.PrivatePort ?? 0);
  if (a.IP !== b.IP) return (a.IP ?? "") < (b.IP ?? "") ? -1 : 1;
  if (a.PublicPort !== b.PublicPort) return (a.PublicPort ?? 0) - (b.PublicPort ?? 0);
  return (a.Type ?? "") < (b.Type ?? "") ? -1 : 1;
}

export const joinHostPort = (host: string, port: string): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
