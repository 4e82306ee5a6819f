import { parseIpv4 } from "../base/ipv4.ts";
import { libc } from "./libc.ts";

const afInet = 2;
const afInet6 = 10;
const closeOnExec = 0o2000000;
const socketTypes = { tcp: 1, udp: 2, sctp: 1 } as const;

/** True when no socket of the host is bound to the port. IPv6 addresses are looked at on all addresses. */
export function portIsFree(protocol: keyof typeof socketTypes, address: string, port: number): boolean {
  const isV6 = address.includes(":");
  const socket = libc.socket(
    isV6 ? afInet6 : afInet,
    socketTypes[protocol] | closeOnExec,
    protocol === "sctp" ? 132 : 0,
  );
  // A protocol the kernel does not know has no sockets.
  if (socket < 0) return true;
  const one = new Int32Array([1]);
  const [solSocket, reuseAddress] = [1, 2];
  if (protocol === "tcp") libc.setsockopt(socket, solSocket, reuseAddress, one, 4);
  const sockaddr = isV6 ? anyV6(port) : v4(address, port);
  const free = libc.bind(socket, sockaddr, sockaddr.length) === 0;
  libc.close(socket);
  return free;
}

function v4(address: string, port: number): Buffer {
  const out = Buffer.alloc(16);
  out.writeUInt16LE(afInet, 0);
  out.writeUInt16BE(port, 2);
  out.writeUInt32BE(address === "" ? 0 : parseIpv4(address), 4);
  return out;
}

function anyV6(port: number): Buffer {
  const out = Buffer.alloc(28);
  out.writeUInt16LE(afInet6, 0);
  out.writeUInt16BE(port, 2);
  return out;
}
