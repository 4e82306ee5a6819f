import { invalid } from "../error.ts";
import { blockBytes } from "./entry.ts";

/** The fields of one 512-byte header block, before extended headers are applied. */
export interface TarHeader {
  readonly name: Uint8Array;
  readonly typeFlag: string;
  readonly linkName: Uint8Array;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly modifiedSeconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/** Reads a header block; invalid when the checksum or a number is wrong. */
export function parseHeader(block: Buffer): TarHeader {
  if (!checksumFits(block)) throw invalid("invalid tar header: the checksum does not match");
  const isUstar = block.toString("latin1", 257, 263) === "ustar\0";
  const isGnu = block.toString("latin1", 257, 265) === "ustar  \0";
  const name = textField(block, 0, 100);
  const prefix = isUstar ? textField(block, 345, 155) : Buffer.alloc(0);
  return {
    name: prefix.length > 0 ? Buffer.concat([prefix, Buffer.from("/"), name]) : name,
    typeFlag: String.fromCharCode(block[156]!),
    linkName: textField(block, 157, 100),
    mode: numberField(block, 100, 8) & 0o7777,
    uid: numberField(block, 108, 8),
    gid: numberField(block, 116, 8),
    sizeBytes: sizeField(block, 124, 12),
    modifiedSeconds: numberField(block, 136, 12),
    deviceMajor: isUstar || isGnu ? numberField(block, 329, 8) : 0,
    deviceMinor: isUstar || isGnu ? numberField(block, 337, 8) : 0,
  };
}

export function isZeroBlock(block: Buffer): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0);
}

/** A size or offset, which can never be negative. */
export function sizeField(block: Buffer, offset: number, length: number): number {
  const size = numberField(block, offset, length);
  if (size < 0) throw invalid("invalid tar header: a negative size");
  return size;
}

function checksumFits(block: Buffer): boolean {
  const want = numberField(block, 148, 8);
  let unsigned = 0;
  let signed = 0;
  for (let at = 0; at < blockBytes; at++) {
    const byte = at >= 148 && at < 156 ? 0x20 : block[at]!;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  return want === unsigned || want === signed;
}

function textField(block: Buffer, offset: number, length: number): Buffer {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end));
}

/** Octal digits, or a base-256 number whose first byte has its top bit set. */
function numberField(block: Buffer, offset: number, length: number): number {
  const field = block.subarray(offset, offset + length);
  if (field[0]! & 0x80) return binaryNumber(field);
  const digits = field.toString("latin1").replace(/^[ \0]+|[ \0]+$/g, "");
  const text = digits.split(/[ \0]/, 1)[0]!;
  if (text === "") return 0;
  if (!/^[0-7]+$/.test(text)) throw invalid("invalid tar header: a number is not octal");
  return Number.parseInt(text, 8);
}

function binaryNumber(field: Buffer): number {
  const negative = (field[0]! & 0x40) !== 0;
  let value = BigInt(negative ? field[0]! - 256 : field[0]! & 0x7f);
  for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw invalid("invalid tar header: a number is too large");
  return number;
}
