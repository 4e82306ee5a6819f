/** Pages a database may have; links that lead around would go on forever. */
const maxPages = 1 << 17;

/**
 * The records of a table in a SQLite database, read without running anything of it: a database of strangers may hold views that
 * never end. Values are texts, numbers and bytes as the file format has them. Broken pages end the reading.
 */
export function* sqliteTable(database: Buffer, name: string): Generator<unknown[]> {
  if (database.length < 100 || database.toString("latin1", 0, 15) !== "SQLite format 3") return;
  const declared = database.readUInt16BE(16);
  const pages = new Pages(database, declared === 1 ? 65536 : declared);
  for (const [type, entry, , root] of pages.records(1)) {
    if (type === "table" && entry === name && typeof root === "number") {
      yield* pages.records(root);
      return;
    }
  }
}

const leaf = 13;
const interior = 5;

/** Where the cells of a page are. */
function cellsOf(page: Buffer, header: number, headerBytes: number): number[] {
  const count = page.readUInt16BE(header + 3);
  const first = header + headerBytes;
  const fitting = Math.min(count, Math.floor((page.length - first) / 2));
  return Array.from({ length: fitting }, (_, at) => page.readUInt16BE(first + at * 2));
}

/** The pages below one, in the order of their rows. */
const below = (page: Buffer, header: number): number[] => [
  ...cellsOf(page, header, 12).flatMap((cell) => (cell + 4 <= page.length ? [page.readUInt32BE(cell)] : [])),
  page.readUInt32BE(header + 8),
];

class Pages {
  readonly #database: Buffer;
  readonly #size: number;
  readonly #usable: number;
  #left = maxPages;

  constructor(database: Buffer, size: number) {
    this.#database = database;
    this.#size = size >= 512 ? size : 4096;
    this.#usable = this.#size - (database[20] ?? 0);
  }

  /** Of a table's b-tree, from its root on. */
  *records(root: number): Generator<unknown[]> {
    const waiting = [root];
    while (waiting.length > 0 && waiting.length <= maxPages) {
      const number = waiting.pop()!;
      const page = this.#page(number);
      if (!page) return;
      // The first page begins with the header of the file.
      const header = number === 1 ? 100 : 0;
      if (page[header] === leaf) yield* this.#recordsOf(page, header);
      else if (page[header] === interior) waiting.push(...below(page, header).reverse());
      else return;
    }
  }

  *#recordsOf(page: Buffer, header: number): Generator<unknown[]> {
    for (const cell of cellsOf(page, header, 8)) {
      const payload = this.#payload(page, cell);
      if (payload) yield readRecord(payload);
    }
  }

  #page(number: number): Buffer | undefined {
    this.#left -= 1;
    const start = (number - 1) * this.#size;
    if (this.#left < 0 || number < 1 || start + this.#size > this.#database.length) return undefined;
    return this.#database.subarray(start, start + this.#size);
  }

  /** What a cell of a leaf holds; the rest of a large one lies in pages of its own. */
  #payload(page: Buffer, cell: number): Buffer | undefined {
    const length = varint(page, cell);
    const row = varint(page, length.end);
    if (length.value > this.#database.length) return undefined;
    const most = this.#usable - 35;
    if (length.value <= most) return page.subarray(row.end, row.end + length.value);
    const least = Math.floor(((this.#usable - 12) * 32) / 255) - 23;
    const wanted = least + ((length.value - least) % (this.#usable - 4));
    const local = wanted <= most ? wanted : least;
    const parts = [page.subarray(row.end, row.end + local)];
    if (row.end + local + 4 > page.length) return undefined;
    let next = page.readUInt32BE(row.end + local);
    for (let left = length.value - local; left > 0; left -= this.#usable - 4) {
      const overflow = this.#page(next);
      if (!overflow) return undefined;
      parts.push(overflow.subarray(4, 4 + Math.min(left, this.#usable - 4)));
      next = overflow.readUInt32BE(0);
    }
    return Buffer.concat(parts);
  }
}

function readRecord(payload: Buffer): unknown[] {
  const header = varint(payload, 0);
  const values: unknown[] = [];
  let body = header.value;
  for (let at = header.end; at < header.value && at < payload.length; ) {
    const type = varint(payload, at);
    at = type.end;
    const size = sizeOf(type.value);
    if (body + size > payload.length) break;
    values.push(fieldOf(type.value, payload.subarray(body, body + size)));
    body += size;
  }
  return values;
}

function sizeOf(type: number): number {
  if (type >= 12) return Math.floor((type - 12) / 2);
  return [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0][type]!;
}

function fieldOf(type: number, bytes: Buffer): unknown {
  if (type >= 12) return type % 2 === 0 ? bytes : bytes.toString();
  if (type === 8 || type === 9) return type - 8;
  if (type >= 1 && type <= 5) return bytes.readIntBE(0, bytes.length);
  return null;
}

/** Seven bits a byte, the highest first; nine bytes at most. */
function varint(bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  for (let at = start; at < start + 9; at += 1) {
    const byte = bytes[at] ?? 0;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return { value, end: start + 9 };
}
