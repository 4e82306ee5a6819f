import { constants } from "node:os";
import { isErrno } from "../base/error.ts";
import { familyOf, ipBytes } from "../base/ip.ts";
import { check, cString, libc } from "./libc.ts";

/**
 * The few rtnetlink(7) requests that networks need, one system call each instead of one process each. Every request is
 * acknowledged; a refusal throws a system error.
 */
const afNetlink = 16;
const rawCloseOnExec = 3 | 0o2000000;
const request = 1;
const acknowledge = 4;
const exclusive = 0x200;
const create = 0x400;
const replace = 0x100;
const rootQueue = 0xffffffff;
const dump = 0x300;
const message = {
  done: 3,
  newLink: 16,
  delLink: 17,
  getLink: 18,
  newAddress: 20,
  newRoute: 24,
  delRoute: 25,
  newQueue: 36,
} as const;
const linkAttribute = { address: 1, name: 3, mtu: 4, link: 5, master: 10, info: 18, netnsFd: 28 } as const;
const addressFamily = { 4: 2, 6: 10 } as const;
const interfaceUp = 1;
/** Usable at once: we know that nobody else has the address. */
const noDuplicateDetection = 2;

/** Two names of one number. */
export const notSupported = ["ENOTSUP", "EOPNOTSUPP"] as const;

/** A socket that stays in the namespace it was opened in. */
export class Netlink {
  readonly #socket: number;
  #sequence = 0;

  constructor() {
    this.#socket = check(libc.socket(afNetlink, rawCloseOnExec, 0), "socket");
  }

  close(): void {
    libc.close(this.#socket);
  }

  addBridge(name: string, mtu?: number): void {
    this.#link(message.newLink, create | exclusive, {}, [
      text(linkAttribute.name, name),
      ...(mtu ? [u32(linkAttribute.mtu, mtu)] : []),
      nested(linkAttribute.info, [text(1, "bridge")]),
    ]);
  }

  /** A pair of interfaces: ours on a bridge and up, the other in the namespace of a descriptor. */
  addVeth(pair: VethPair): void {
    const peer = Buffer.concat([
      interfaceMessage({}),
      text(linkAttribute.name, pair.peerName),
      bytes(linkAttribute.address, macBytes(pair.peerMac)),
      ...(pair.mtu ? [u32(linkAttribute.mtu, pair.mtu)] : []),
      u32(linkAttribute.netnsFd, pair.peerNetnsFd),
    ]);
    this.#link(message.newLink, create | exclusive, { up: true }, [
      text(linkAttribute.name, pair.name),
      u32(linkAttribute.master, pair.masterIndex),
      ...(pair.mtu ? [u32(linkAttribute.mtu, pair.mtu)] : []),
      nested(linkAttribute.info, [text(1, "veth"), nested(2, [attribute(1, peer)])]),
    ]);
  }

  /** An interface on top of another, made in the namespace of a descriptor. Fails with one of `notSupported` for an unknown kind. */
  addSubInterface({ kind, mode, parentIndex, name, netnsFd, mac, mtu }: SubInterface): void {
    this.#link(message.newLink, create | exclusive, {}, [
      text(linkAttribute.name, name),
      u32(linkAttribute.link, parentIndex),
      u32(linkAttribute.netnsFd, netnsFd),
      ...(mac ? [bytes(linkAttribute.address, macBytes(mac))] : []),
      ...(mtu ? [u32(linkAttribute.mtu, mtu)] : []),
      nested(linkAttribute.info, [text(1, kind), nested(2, [kind === "macvlan" ? u32(1, mode) : u16(1, mode)])]),
    ]);
  }

  /** True when the kernel can make interfaces of this kind. Nothing is made: no interface has the parent's number. */
  knowsKind(kind: string): boolean {
    try {
      this.#link(message.newLink, create | exclusive, {}, [
        u32(linkAttribute.link, 0x7fffffff),
        nested(linkAttribute.info, [text(1, kind)]),
      ]);
      return true;
    } catch (error) {
      return !isErrno(error, ...notSupported);
    }
  }

  /** Keeps a member of a bridge from reaching the other isolated ones. */
  isolate(index: number): void {
    const isolated = attribute(33, Buffer.from([1]));
    this.#link(message.newLink, 0, { index }, [nested(linkAttribute.info, [text(4, "bridge"), nested(5, [isolated])])]);
  }

  /** Lets an interface send at most so many bits a second, with short bursts above. */
  limitRate(index: number, bitsPerSecond: number): void {
    const bytesPerSecond = Math.ceil(bitsPerSecond / 8);
    const burst = Math.max(32_768, Math.ceil(bytesPerSecond / 50));
    const queue = Buffer.alloc(20);
    queue.writeInt32LE(index, 4);
    queue.writeUInt32LE(rootQueue, 12);
    // Rate, no peak rate, bytes that may wait, and a burst that the attribute below replaces.
    const parameters = Buffer.alloc(36);
    const [ethernet, limitOffset, rateOffset] = [1, 24, 8];
    parameters.writeUInt8(ethernet, 1);
    parameters.writeUInt32LE(Math.min(bytesPerSecond, 0xffffffff), rateOffset);
    parameters.writeUInt32LE(burst + Math.ceil(bytesPerSecond / 20), limitOffset);
    const wide = bytesPerSecond > 0xffffffff ? [attribute(4, u64(bytesPerSecond))] : [];
    const options = nested(2, [bytes(1, parameters), ...wide, u32(6, burst)]);
    this.#send(message.newQueue, create | replace, [queue, text(1, "tbf"), options]);
  }

  /** Makes bridged packets of a bridge go through the rules of routed ones. */
  filterBridged(index: number, on: boolean): void {
    const flag = Buffer.from([on ? 1 : 0]);
    const options = nested(2, [attribute(36, flag), attribute(37, flag)]);
    this.#link(message.newLink, 0, { index }, [nested(linkAttribute.info, [text(1, "bridge"), options])]);
  }

  setUp(index: number): void {
    this.#link(message.newLink, 0, { index, up: true }, []);
  }

  /** Quiet when it is gone already, perhaps with its namespace. */
  deleteLink(index: number): void {
    try {
      this.#link(message.delLink, 0, { index }, []);
    } catch (error) {
      if (!isErrno(error, "ENODEV")) throw error;
    }
  }

  setMac(index: number, mac: string): void {
    this.#link(message.newLink, 0, { index }, [bytes(linkAttribute.address, macBytes(mac))]);
  }

  setMaster(index: number, masterIndex: number): void {
    this.#link(message.newLink, 0, { index }, [u32(linkAttribute.master, masterIndex)]);
  }

  setMtu(index: number, mtu: number): void {
    this.#link(message.newLink, 0, { index }, [u32(linkAttribute.mtu, mtu)]);
  }

  addAddress(index: number, address: string, prefixLength: number): void {
    const family = familyOf(address);
    const header = Buffer.alloc(8);
    header.set([addressFamily[family], prefixLength, family === 6 ? noDuplicateDetection : 0, 0]);
    header.writeUInt32LE(index, 4);
    const local = ipBytes(address);
    const broadcast = family === 4 ? [bytes(4, broadcastBytes(local, prefixLength))] : [];
    this.#send(message.newAddress, create | replace, [header, bytes(2, local), bytes(1, local), ...broadcast]);
  }

  /** Takes the place of the default route there is. */
  setDefaultRoute(gateway: string, index: number): void {
    const to = [bytes(5, ipBytes(gateway)), u32(4, index)];
    this.#send(message.newRoute, create | replace, [defaultRoute(familyOf(gateway)), ...to]);
  }

  /** Quiet when there is none. */
  removeDefaultRoute(family: 4 | 6): void {
    try {
      this.#send(message.delRoute, 0, [defaultRoute(family)]);
    } catch (error) {
      if (!isErrno(error, "ESRCH")) throw error;
    }
  }

  /** All interfaces of this network namespace. */
  links(): LinkFacts[] {
    const facts: LinkFacts[] = [];
    this.#transmit(message.getLink, dump, [interfaceMessage({})]);
    const reply = Buffer.alloc(1 << 16);
    for (;;) {
      const length = Number(check(libc.recv(this.#socket, reply, BigInt(reply.length), 0), "netlink recv"));
      for (let at = 0; at + 16 <= length; at += (reply.readUInt32LE(at) + 3) & ~3) {
        if (reply.readUInt16LE(at + 4) === message.done) return facts;
        facts.push(linkFacts(reply.subarray(at + 16, at + reply.readUInt32LE(at))));
      }
    }
  }

  #link(type: number, flags: number, link: { index?: number; up?: boolean }, attributes: Buffer[]): void {
    this.#send(type, flags, [interfaceMessage(link), ...attributes]);
  }

  #send(type: number, flags: number, parts: Buffer[]): void {
    this.#transmit(type, acknowledge | flags, parts);
    this.#acknowledged(type);
  }

  #transmit(type: number, flags: number, parts: Buffer[]): void {
    const body = Buffer.concat(parts);
    const header = Buffer.alloc(16);
    header.writeUInt32LE(16 + body.length, 0);
    header.writeUInt16LE(type, 4);
    header.writeUInt16LE(request | flags, 6);
    this.#sequence += 1;
    header.writeUInt32LE(this.#sequence, 8);
    const packet = Buffer.concat([header, body]);
    check(libc.send(this.#socket, packet, BigInt(packet.length), 0), "netlink send");
  }

  #acknowledged(type: number): void {
    const reply = Buffer.alloc(8192);
    for (;;) {
      const length = Number(check(libc.recv(this.#socket, reply, BigInt(reply.length), 0), "netlink recv"));
      const isError = length >= 20 && reply.readUInt16LE(4) === 2;
      if (!isError || reply.readUInt32LE(8) !== this.#sequence) continue;
      const number = -reply.readInt32LE(16);
      if (number === 0) return;
      throw refusal(number, type);
    }
  }
}

/** Number of an interface in the namespace of this thread, 0 when there is none. */
export const interfaceIndex = (name: string): number => libc.if_nametoindex(cString(name));

export interface VethPair {
  readonly name: string;
  readonly masterIndex: number;
  readonly peerName: string;
  readonly peerMac: string;
  readonly peerNetnsFd: number;
  readonly mtu?: number;
}

/** Main table, made at boot time, universe scope, unicast. */
const defaultRoute = (family: 4 | 6): Buffer => Buffer.from([addressFamily[family], 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]);

export interface SubInterface {
  readonly kind: "macvlan" | "ipvlan";
  /** The kernel's number for the mode of that kind. */
  readonly mode: number;
  readonly parentIndex: number;
  readonly name: string;
  readonly netnsFd: number;
  readonly mac?: string | undefined;
  readonly mtu?: number | undefined;
}

function refusal(number: number, type: number): NodeJS.ErrnoException {
  const code = Object.entries(constants.errno).find(([, value]) => value === number)?.[0] ?? `errno ${number}`;
  const names = Object.fromEntries(Object.entries(message).map(([name, value]) => [value, name]));
  const error: NodeJS.ErrnoException = new Error(`${code}: netlink ${names[type]}`);
  error.code = code;
  return error;
}

export interface LinkFacts {
  readonly index: number;
  readonly name: string;
  /** Of the bridge it is a member of; 0 for none. */
  readonly masterIndex: number;
}

function linkFacts(body: Buffer): LinkFacts {
  let [name, masterIndex] = ["", 0];
  for (let at = 16; at + 4 <= body.length; at += (body.readUInt16LE(at) + 3) & ~3) {
    const length = body.readUInt16LE(at);
    if (length < 4) break;
    const type = body.readUInt16LE(at + 2);
    if (type === linkAttribute.name) name = body.toString("utf8", at + 4, at + length - 1);
    if (type === linkAttribute.master) masterIndex = body.readUInt32LE(at + 4);
  }
  return { index: body.readInt32LE(4), name, masterIndex };
}

function interfaceMessage({ index = 0, up = false }: { index?: number; up?: boolean }): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(up ? interfaceUp : 0, 8);
  header.writeUInt32LE(up ? interfaceUp : 0, 12);
  return header;
}

/** Length, type, value, padded to four bytes. */
function attribute(type: number, value: Uint8Array): Buffer {
  const out = Buffer.alloc((4 + value.length + 3) & ~3);
  out.writeUInt16LE(4 + value.length, 0);
  out.writeUInt16LE(type, 2);
  out.set(value, 4);
  return out;
}

function bytes(type: number, value: Uint8Array): Buffer {
  return attribute(type, value);
}

function text(type: number, value: string): Buffer {
  return attribute(type, Buffer.from(`${value}\0`));
}

function u32(type: number, value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return attribute(type, buffer);
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function u16(type: number, value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16LE(value);
  return attribute(type, buffer);
}

function nested(type: number, parts: Buffer[]): Buffer {
  return attribute(type, Buffer.concat(parts));
}

const macBytes = (mac: string): Buffer => Buffer.from(mac.replaceAll(":", ""), "hex");

function broadcastBytes(address: Buffer, prefixLength: number): Buffer {
  const value = address.readUInt32BE() | (prefixLength === 32 ? 0 : 0xffffffff >>> prefixLength);
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value >>> 0);
  return out;
}
