import type { fieldTag, frameType } from "../generated/protocol.ts";

type Tag = (typeof fieldTag)[keyof typeof fieldTag];
export type FrameType = (typeof frameType)[keyof typeof frameType];

/** The bytes of one field: tag, length, value. */
export function field(tag: Tag, value: Uint8Array | string = ""): Buffer {
  const content = typeof value === "string" ? Buffer.from(value) : value;
  const out = Buffer.alloc(6 + content.length);
  out.writeUInt16LE(tag, 0);
  out.writeUInt32LE(content.length, 2);
  out.set(content, 6);
  return out;
}

export function u32(...values: number[]): Buffer {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => void out.writeUInt32LE(value >>> 0, 4 * i));
  return out;
}

export function u64(...values: bigint[]): Buffer {
  const out = Buffer.alloc(8 * values.length);
  values.forEach((value, i) => void out.writeBigUInt64LE(BigInt.asUintN(64, value), 8 * i));
  return out;
}

/** Texts one after the other, each with a final zero. */
export const texts = (...values: string[]): Buffer => Buffer.concat(values.map((value) => Buffer.from(`${value}\0`)));

/** A header and its payload. */
export function frame(type: FrameType, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const out = Buffer.alloc(12 + payload.length);
  out.writeUInt32LE(payload.length, 0);
  out.writeUInt16LE(type, 4);
  out.writeUInt32LE(stream, 8);
  out.set(payload, 12);
  return out;
}

/** The two numbers of a terminal's size in one. */
export const terminalShape = (rows: number, columns: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt16LE(rows & 0xffff, 0);
  out.writeUInt16LE(columns & 0xffff, 2);
  return out;
};
