import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { messageOf } from "../../../base/error.ts";
import { familyOf } from "../../../base/ip.ts";
import type { Logger } from "../../../base/log.ts";
import type { NameServer, NameSource } from "../../../core/names.ts";
import type { NetworkRecord } from "../../../core/network.ts";
import { Resolver } from "./resolver.ts";
import { FrameReader, frame } from "./tcp-frames.ts";

const dnsPort = 53;
const idleMs = 10_000;
const maxConnections = 64;

interface Served {
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

  async serve(network: NetworkRecord): Promise<void> {
    if (network.driver !== "bridge" || this.#served.has(network.id)) return;
    const served: Served[] = [];
    this.#served.set(network.id, served);
    for (const { gateway } of network.pools) {
      for (const listen of [listenUdp, listenTcp]) {
        try {
          served.push(await listen(gateway, network.id, this.#resolver));
        } catch (error) {
          this.#log.warn("names cannot be answered on a network: is another name server on all addresses?", {
            network: network.name,
            address: gateway,
            error: messageOf(error),
          });
        }
      }
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

async function listenUdp(address: string, networkId: string, resolver: Resolver): Promise<Served> {
  const socket = createSocket(familyOf(address) === 6 ? "udp6" : "udp4");
  socket.on("message", (packet, from) => void answer(socket, packet, from));
  const bound = once(socket, "listening");
  socket.bind(dnsPort, address);
  await bound;
  socket.on("error", () => {});
  return socket;

  async function answer(to: UdpSocket, packet: Buffer, from: { address: string; port: number }): Promise<void> {
    const reply = await resolver.answer(packet, { networkId, address: from.address, transport: "udp" });
    if (reply) to.send(reply, from.port, from.address, () => {});
  }
}

async function listenTcp(address: string, networkId: string, resolver: Resolver): Promise<Served> {
  const server = createServer((socket) => serveConnection(socket, networkId, resolver));
  server.maxConnections = maxConnections;
  server.listen(dnsPort, address);
  await once(server, "listening");
  return { close: () => closeServer(server) };
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
