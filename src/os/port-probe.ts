import { ipBytes } from "../base/ip.ts";
import { libc } from "./libc.ts";

const afInet = 2;
const afInet6 = 10;
const closeOnExec = 0o2000000;
const socketTypes = { tcp: 1, udp: 2, sctp: 1 } as const;

/** True when no socket of the host is bound to the port. */
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
  const sockaddr = isV6 ? v6(address, port) : v4(address, port);
  const free = libc.bind(socket, sockaddr, sockaddr.length) === 0;
  libc.close(socket);
  return free;
}

function v4(address: string, port: number): Buffer {
  const out = Buffer.alloc(16);
  out.writeUInt16LE(afInet, 0);
  out.writeUInt16BE(port, 2);
  out.set(ipBytes(address === "" ? "0.0.0.0" : address), 4);
  return out;
}

function v6(address: string, port: number): Buffer {
  const out = Buffer.alloc(28);
  out.writeUInt16LE(afInet6, 0);
  out.writeUInt16BE(port, 2);
  out.set(ipBytes(address), 8);
  return out;
}
