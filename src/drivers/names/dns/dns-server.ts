import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { isErrno, messageOf } from "../../../base/error.ts";
import { familyOf } from "../../../base/ip.ts";
import type { Logger } from "../../../base/log.ts";
import { type NamePort, type NameServer, type NameSource, namePort } from "../../../core/names.ts";
import type { NetworkRecord } from "../../../core/network.ts";
import { Resolver } from "./resolver.ts";
import { FrameReader, frame } from "./tcp-frames.ts";

const idleMs = 10_000;
const maxConnections = 64;

interface Served {
  readonly at: NamePort;
  close(): void;
}

/** A name server on the gateway addresses of every network. */
export class DnsServer implements NameServer {
  readonly #resolver: Resolver;
  readonly #log: Logger;
  readonly #served = new Map<string, Served[]>();

  constructor(source: NameSource, log: Logger) {
    this.#resolver = new Resolver(source);
    this.#log = log;
  }

  async serve(network: NetworkRecord): Promise<readonly NamePort[]> {
    if (network.driver !== "bridge" || this.#served.has(network.id)) return [];
    const served: Served[] = [];
    this.#served.set(network.id, served);
    for (const { gateway: address } of network.pools) {
      for (const protocol of ["udp", "tcp"] as const) {
        const one = await this.#listen(network, { address, protocol, port: namePort });
        if (one) served.push(one);
      }
    }
    return served.flatMap(({ at }) => (at.port === namePort ? [] : [at]));
  }

  /** On the usual port, or on any where somebody of the machine has that one. */
  async #listen({ id, name }: Pick<NetworkRecord, "id" | "name">, at: NamePort): Promise<Served | undefined> {
    const listen = at.protocol === "udp" ? listenUdp : listenTcp;
    try {
      return await listen(at, id, this.#resolver);
    } catch (error) {
      if (at.port !== 0 && isErrno(error, "EADDRINUSE")) return this.#listen({ id, name }, { ...at, port: 0 });
      this.#log.warn("names cannot be answered on a network", { network: name, ...at, error: messageOf(error) });
      return undefined;
    }
  }

  async forget(networkId: string): Promise<void> {
    for (const each of this.#served.get(networkId) ?? []) each.close();
    this.#served.delete(networkId);
  }

  async close(): Promise<void> {
    for (const networkId of [...this.#served.keys()]) await this.forget(networkId);
  }
}

async function listenUdp(at: NamePort, networkId: string, resolver: Resolver): Promise<Served> {
  const socket = createSocket(familyOf(at.address) === 6 ? "udp6" : "udp4");
  socket.on("message", (packet, from) => void answer(socket, packet, from));
  const bound = once(socket, "listening");
  socket.bind(at.port, at.address);
  await bound;
  socket.on("error", () => {});
  return { at: { ...at, port: socket.address().port }, close: () => socket.close() };

  async function answer(to: UdpSocket, packet: Buffer, from: { address: string; port: number }): Promise<void> {
    const reply = await resolver.answer(packet, { networkId, address: from.address, transport: "udp" });
    if (reply) to.send(reply, from.port, from.address, () => {});
  }
}

async function listenTcp(at: NamePort, networkId: string, resolver: Resolver): Promise<Served> {
  const server = createServer((socket) => serveConnection(socket, networkId, resolver));
  server.maxConnections = maxConnections;
  server.listen(at.port, at.address);
  await once(server, "listening");
  return { at: { ...at, port: (server.address() as AddressInfo).port }, close: () => closeServer(server) };
}

function serveConnection(socket: Socket, networkId: string, resolver: Resolver): void {
  socket.setTimeout(idleMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  const asker = { networkId, address: socket.remoteAddress ?? "", transport: "tcp" as const };
  const reader = new FrameReader(async (packet) => {
    const reply = await resolver.answer(packet, asker);
    if (reply && !socket.destroyed) socket.write(frame(reply));
  });
  socket.on("data", (data) => reader.push(data as Buffer));
}

const closeServer = (server: Server): void => void server.close();
