import { IsleError } from "../../base/error.ts";

/** Where the parts of a saved machine go. */
export interface StreamParts {
  /** Bytes of the guest's memory; those nobody writes are zero. */
  writeMemory(pages: readonly Uint8Array[], offset: number): void;
  /** Everything else, in the order of the stream. */
  writeState(bytes: Uint8Array): void;
}

const pageBytes = 4096;
/** A section's kinds, as QEMU's migration stream has them. */
const section = { start: 1, part: 2, end: 3, footer: 0x7e } as const;
/** In the low bits of a page's offset: what follows. */
const flag = { zero: 0x02, sizes: 0x04, page: 0x08, end: 0x10, goesOn: 0x20 } as const;
const known = flag.zero | flag.page | flag.goesOn;
const mostPagesAtOnce = 512;

/**
 * Takes QEMU's migration stream apart: pages of the guest's memory go to their places in a file that others can map,
 * and what is left is the stream of a machine whose memory did not have to be saved, as a template's is.
 */
export class StreamSplitter {
  readonly #parts: StreamParts;
  #held: Buffer = Buffer.alloc(0);
  #step: (bytes: Buffer, at: number) => number = this.#findMemory;
  /** The largest block, and whether the pages that come are its. */
  #guestBlock = "";
  #inGuestBlock = false;
  #memoryEnds = false;
  #isOver = false;
  #run: Buffer[] = [];
  #runAt = 0;

  constructor(parts: StreamParts) {
    this.#parts = parts;
  }

  /** True once all of the memory has come. */
  get isOver(): boolean {
    return this.#isOver;
  }

  push(chunk: Uint8Array): void {
    const bytes = this.#held.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#held, chunk]);
    let at = 0;
    while (at < bytes.length) {
      const taken = this.#step(bytes, at);
      if (taken === 0) break;
      at += taken;
    }
    this.#flushRun();
    this.#held = bytes.subarray(at);
    if (this.#held.length > mostHeld) throw broken("it has no end");
  }

  /** Before the memory's section stands which machine it is. */
  #findMemory(bytes: Buffer, at: number): number {
    const begin = bytes.indexOf(memorySection, at);
    if (begin < 5) return 0;
    if (bytes[begin - 5] !== section.start) throw broken("its memory does not begin a section");
    const after = begin + memorySection.length;
    this.#parts.writeState(bytes.subarray(at, after));
    this.#step = this.#readSizes;
    return after - at;
  }

  /** The list of blocks: name, length, and the address in the machine. */
  #readSizes(bytes: Buffer, at: number): number {
    if (bytes.length < at + 8) return 0;
    const first = bytes.readBigUInt64BE(at);
    if ((Number(first & 0xfffn) & flag.sizes) === 0) throw broken("it does not say how large its memory is");
    const total = first & ~0xfffn;
    let [sum, largest, next] = [0n, 0n, at + 8];
    while (sum < total) {
      const nameBytes = bytes[next];
      if (nameBytes === undefined || bytes.length < next + 1 + nameBytes + 16) return 0;
      const name = bytes.toString("latin1", next + 1, next + 1 + nameBytes);
      const length = bytes.readBigUInt64BE(next + 1 + nameBytes);
      if (length === 0n) throw broken("a block of its memory is empty");
      if (length > largest) [largest, this.#guestBlock] = [length, name];
      sum += length;
      next += 1 + nameBytes + 16;
    }
    this.#parts.writeState(bytes.subarray(at, next));
    this.#step = this.#readPage;
    return next - at;
  }

  #readPage(bytes: Buffer, at: number): number {
    if (bytes.length < at + 8) return 0;
    const low = bytes.readUInt32BE(at + 4);
    const flags = low & (pageBytes - 1);
    if (flags === flag.end) return this.#endRound(bytes, at);
    if ((flags & ~known) !== 0) throw broken(`a page of it is of a kind that is not known: ${flags}`);
    let head = 8;
    if ((flags & flag.goesOn) === 0) {
      const nameBytes = bytes[at + 8];
      if (nameBytes === undefined || bytes.length < at + 9 + nameBytes) return 0;
      this.#inGuestBlock = bytes.toString("latin1", at + 9, at + 9 + nameBytes) === this.#guestBlock;
      head = 9 + nameBytes;
    }
    const isZero = (flags & flag.zero) !== 0;
    const length = head + (isZero ? 1 : pageBytes);
    if (bytes.length < at + length) return 0;
    if (!this.#inGuestBlock) this.#parts.writeState(bytes.subarray(at, at + length));
    else if (!isZero || bytes[at + head] !== 0) {
      const offset = bytes.readUInt32BE(at) * 2 ** 32 + low - flags;
      this.#take(isZero ? Buffer.alloc(pageBytes, bytes[at + head]) : bytes.subarray(at + head, at + length), offset);
    }
    return length;
  }

  /** Pages that follow each other are written at once. */
  #take(page: Buffer, offset: number): void {
    if (offset !== this.#runAt + this.#run.length * pageBytes || this.#run.length >= mostPagesAtOnce) this.#flushRun();
    if (this.#run.length === 0) this.#runAt = offset;
    this.#run.push(page);
  }

  #flushRun(): void {
    if (this.#run.length > 0) this.#parts.writeMemory(this.#run, this.#runAt);
    this.#run = [];
  }

  /** After each round a footer, and then the next round's head; after the last one comes what is not memory. */
  #endRound(bytes: Buffer, at: number): number {
    const length = 8 + 5 + (this.#memoryEnds ? 0 : 5);
    if (bytes.length < at + length) return 0;
    if (bytes[at + 8] !== section.footer) throw broken("a section of it has no end");
    this.#parts.writeState(bytes.subarray(at, at + length));
    if (this.#memoryEnds) {
      this.#isOver = true;
      this.#step = this.#passOn;
      return length;
    }
    const kind = bytes[at + 13];
    if (kind !== section.part && kind !== section.end) throw broken(`a section of kind ${kind} comes between`);
    this.#memoryEnds = kind === section.end;
    return length;
  }

  #passOn(bytes: Buffer, at: number): number {
    this.#parts.writeState(bytes.subarray(at));
    return bytes.length - at;
  }
}

/** Name, instance and version of the section: a byte of length before, all numbers big-endian. */
const memorySection = Buffer.concat([Buffer.from("\x03ram"), Buffer.from([0, 0, 0, 0, 0, 0, 0, 4])]);
const mostHeld = 1 << 20;

const broken = (what: string) =>
  new IsleError("dataLoss", `the state of a virtual machine cannot be understood: ${what}`);
