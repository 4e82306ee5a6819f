import { type Answer, type DecodedPacket, decode, encode, type Question } from "dns-packet";
import { normalIp } from "../../../base/ip.ts";
import type { NamedAddress } from "../../../core/network.ts";

export const responseCode = {
  ok: 0,
  formatError: 1,
  serverFailure: 2,
  noSuchName: 3,
  notImplemented: 4,
  refused: 5,
} as const;
export type ResponseCode = (typeof responseCode)[keyof typeof responseCode];

export interface Query {
  readonly packet: Buffer;
  readonly id: number;
  readonly question: Question;
  /** Lower case, without the last dot. */
  readonly name: string;
  /** Largest reply over UDP that the asker takes. */
  readonly udpLimit: number;
  /** Tells queries apart whose replies differ. */
  readonly key: string;
}

const headerBytes = 12;
const [responseBit, opcodeBits, truncatedBit] = [0x8000, 0x7800, 0x0200];

/** Reads a query of one question; undefined for what cannot even be answered. */
export function parseQuery(packet: Buffer): Query | undefined {
  if (packet.length < headerBytes || packet.readUInt16BE(2) & responseBit) return undefined;
  const decoded = decodeQuietly(packet);
  const question = decoded?.questions?.[0];
  if (!decoded || !question || decoded.questions?.length !== 1 || (packet.readUInt16BE(2) & opcodeBits) !== 0)
    return undefined;
  const name = question.name.toLowerCase().replace(/\.$/, "");
  const edns = decoded.additionals?.find((record) => record.type === "OPT");
  const udpLimit = edns?.type === "OPT" ? Math.max(512, edns.udpPayloadSize) : 512;
  const dnssec = edns?.type === "OPT" ? `edns${edns.flags & 0x8000}` : "";
  const recursion = packet.readUInt16BE(2) & 0x0110;
  return {
    packet,
    id: packet.readUInt16BE(0),
    question,
    name,
    udpLimit,
    key: `${name} ${question.type} ${question.class} ${dnssec} ${recursion}`,
  };
}

function decodeQuietly(packet: Buffer): DecodedPacket | undefined {
  try {
    return decode(packet);
  } catch {
    return undefined;
  }
}

/** A reply of our own. */
export function reply(query: Query, code: ResponseCode, answers: Answer[] = []): Buffer {
  const asked = query.packet.readUInt16BE(2) & 0x0100;
  const authoritative = code === responseCode.ok && answers.length > 0 ? 0x0400 : 0;
  return encode({
    type: "response",
    id: query.id,
    flags: asked | authoritative | 0x0080 | code,
    questions: [query.question],
    answers,
  });
}

/** The reply cut to its question when it is longer than the asker takes, who then asks over TCP. */
export function fitUdp(query: Query, packet: Buffer): Buffer {
  if (packet.length <= query.udpLimit) return packet;
  const end = skipName(packet, headerBytes) + 4;
  const cut = Buffer.from(packet.subarray(0, end));
  cut.writeUInt16BE(cut.readUInt16BE(2) | truncatedBit, 2);
  cut.fill(0, 6, headerBytes);
  return cut;
}

/** Another's reply as the reply to this query: with its id, and the name in its spelling. */
export function adapt(query: Query, packet: Buffer): Buffer {
  const out = Buffer.from(packet);
  out.writeUInt16BE(query.id, 0);
  const end = skipName(out, headerBytes);
  query.packet.copy(out, headerBytes, headerBytes, Math.min(end, skipName(query.packet, headerBytes)));
  return out;
}

/** True when the packet is a reply to exactly this question. */
export function answersQuestion(query: Buffer, packet: Buffer): boolean {
  if (packet.length < headerBytes || !(packet.readUInt16BE(2) & responseBit)) return false;
  if (packet.readUInt16BE(0) !== query.readUInt16BE(0)) return false;
  const question = (from: Buffer) =>
    from
      .subarray(headerBytes, skipName(from, headerBytes) + 4)
      .toString("latin1")
      .toLowerCase();
  return packet.readUInt16BE(4) === 0 || question(query) === question(packet);
}

/** Where the TTLs of a reply stand, those of pseudo records left out. */
export function ttlOffsets(packet: Buffer): number[] {
  const offsets: number[] = [];
  let at = headerBytes;
  for (let i = 0; i < packet.readUInt16BE(4); i += 1) at = skipName(packet, at) + 4;
  const records = packet.readUInt16BE(6) + packet.readUInt16BE(8) + packet.readUInt16BE(10);
  const optType = 41;
  for (let i = 0; i < records; i += 1) {
    at = skipName(packet, at);
    if (packet.readUInt16BE(at) !== optType) offsets.push(at + 4);
    at += 10 + packet.readUInt16BE(at + 8);
  }
  return offsets;
}

/** Seconds for which a reply may be given again; 0 for one that may not. */
export function lifetime(packet: Buffer): number {
  const flags = packet.readUInt16BE(2);
  const code = flags & 15;
  if (flags & truncatedBit || (code !== responseCode.ok && code !== responseCode.noSuchName)) return 0;
  const decoded = decodeQuietly(packet);
  if (!decoded) return 0;
  const answers = decoded.answers ?? [];
  if (answers.length > 0 && code === responseCode.ok) return Math.min(...answers.map(ttlOf), longest);
  const soa = decoded.authorities?.find((record) => record.type === "SOA");
  // Without a word on it, that there is nothing is not remembered (RFC 2308).
  return soa?.type === "SOA" ? Math.min(ttlOf(soa), soa.data.minimum ?? 0, longest) : 0;
}

/** The addresses in a reply. */
export function addressesIn(packet: Buffer): NamedAddress[] {
  return (decodeQuietly(packet)?.answers ?? []).flatMap((record) =>
    record.type === "A" || record.type === "AAAA"
      ? [{ address: normalIp(record.data), ttlSeconds: ttlOf(record) }]
      : [],
  );
}

const longest = 86_400;
const ttlOf = (record: Answer): number => ("ttl" in record ? (record.ttl ?? 0) : 0);

function skipName(packet: Buffer, start: number): number {
  let at = start;
  for (;;) {
    const length = packet.readUInt8(at);
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    at += length + 1;
  }
}
