import { closeSync, ftruncateSync, openSync, readSync, statSync, writeSync } from "node:fs";
import { isErrno } from "../base/error.ts";
import { check, libc } from "./libc.ts";

const seekData = 3;
const seekHole = 4;
const chunkBytes = 1 << 20;

/** Copies a file that is mostly holes to a new one, of which only the written parts take time and room. */
export function copySparse(from: string, to: string, mode: number): void {
  const source = openSync(from, "r");
  try {
    const target = openSync(to, "wx", mode);
    try {
      ftruncateSync(target, statSync(from).size);
      for (const extent of extentsOf(source)) copyExtent(source, target, extent);
    } finally {
      closeSync(target);
    }
  } finally {
    closeSync(source);
  }
}

interface Extent {
  readonly start: number;
  readonly end: number;
}

function* extentsOf(file: number): Generator<Extent> {
  for (let end = 0; ; ) {
    const start = nextData(file, end);
    if (start === undefined) return;
    end = seek(file, start, seekHole);
    yield { start, end };
  }
}

function nextData(file: number, from: number): number | undefined {
  try {
    return seek(file, from, seekData);
  } catch (error) {
    if (isErrno(error, "ENXIO")) return undefined;
    throw error;
  }
}

const seek = (file: number, offset: number, whence: number): number =>
  Number(check(libc.lseek(file, BigInt(offset), whence), "lseek"));

function copyExtent(source: number, target: number, { start, end }: Extent): void {
  const buffer = new Uint8Array(Math.min(chunkBytes, end - start));
  for (let at = start; at < end; ) {
    const got = readSync(source, buffer, 0, Math.min(buffer.length, end - at), at);
    if (got === 0) return;
    for (let written = 0; written < got; ) written += writeSync(target, buffer, written, got - written, at + written);
    at += got;
  }
}
