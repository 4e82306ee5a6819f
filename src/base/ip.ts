import { invalid } from "./error.ts";

export type Family = 4 | 6;

/** An address as a number. */
export interface Ip {
  readonly family: Family;
  readonly value: bigint;
}

/** A block of addresses, `base` masked. */
export interface Block {
  readonly family: Family;
  readonly base: bigint;
  readonly prefixLength: number;
}

const widths = { 4: 32, 6: 128 } as const;

export const familyOf = (text: string): Family => (text.includes(":") ? 6 : 4);

export function parseIp(text: string): Ip {
  const ip = text.includes(":") ? parseV6(text) : parseV4(text);
  if (!ip) throw invalid(`invalid IP address: ${text}`);
  return ip;
}

export function isIp(text: string): boolean {
  return (text.includes(":") ? parseV6(text) : parseV4(text)) !== undefined;
}

/** In the shortest form (RFC 5952), so that two spellings of one address are one text. */
export function formatIp({ family, value }: Ip): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return groups.join(":");
  return `${groups.slice(0, zeros.start).join(":")}::${groups.slice(zeros.start + zeros.length).join(":")}`;
}

/** The address in its shortest spelling. */
export const normalIp = (text: string): string => formatIp(parseIp(text));

export function parseBlock(text: string): Block {
  const [address = "", length = "", ...rest] = text.split("/");
  const { family, value } = parseIp(address);
  const prefixLength = Number(length);
  if (!/^\d{1,3}$/.test(length) || rest.length > 0 || prefixLength > widths[family]) {
    throw invalid(`invalid subnet: ${text}`);
  }
  const size = 1n << BigInt(widths[family] - prefixLength);
  return { family, base: value - (value % size), prefixLength };
}

export const sizeOf = ({ family, prefixLength }: Block): bigint => 1n << BigInt(widths[family] - prefixLength);

export const formatBlock = ({ family, base, prefixLength }: Block): string =>
  `${formatIp({ family, value: base })}/${prefixLength}`;

export const lastOf = (block: Block): bigint => block.base + sizeOf(block) - 1n;

export const contains = (block: Block, { family, value }: Ip): boolean =>
  family === block.family && value >= block.base && value <= lastOf(block);

export const overlaps = (a: Block, b: Block): boolean =>
  contains(a, { family: b.family, value: b.base }) || contains(b, { family: a.family, value: a.base });

/** The bytes in network order: 4 or 16. */
export function ipBytes(text: string): Buffer {
  const { family, value } = parseIp(text);
  return Buffer.from(value.toString(16).padStart(family === 4 ? 8 : 32, "0"), "hex");
}

/** The address of 4 or 16 bytes in network order. */
export const ipOfBytes = (bytes: Uint8Array): string =>
  formatIp({ family: bytes.length === 4 ? 4 : 6, value: BigInt(`0x${Buffer.from(bytes).toString("hex") || "0"}`) });

function parseV4(text: string): Ip | undefined {
  if (!/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return undefined;
  const parts = text.split(".").map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return { family: 4, value: parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n) };
}

function parseV6(text: string): Ip | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = dotted ? parseV4(dotted[2]!) : undefined;
  if (dotted && !tail) return undefined;
  const plain = dotted
    ? `${dotted[1]}${(tail!.value >> 16n).toString(16)}:${(tail!.value & 0xffffn).toString(16)}`
    : text;
  const halves = plain.split("::").map((half) => (half === "" ? [] : half.split(":")));
  if (halves.length > 2) return undefined;
  const [left = [], right] = halves;
  const missing = 8 - left.length - (right?.length ?? 0);
  if (right ? missing < 1 : missing !== 0) return undefined;
  const groups = [...left, ...Array.from({ length: missing }, () => "0"), ...(right ?? [])];
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return { family: 6, value: BigInt(`0x${groups.map((group) => group.padStart(4, "0")).join("")}`) };
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === "0") length += 1;
    if (length > best.length) best = { start, length };
  }
  return best;
}
