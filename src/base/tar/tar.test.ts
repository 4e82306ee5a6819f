import { expect, test } from "bun:test";
import { IsleError } from "../error.ts";
import { encodeEntry, endOfArchive, padding } from "./encode.ts";
import { type TarEntry, type TarEntryType, tarEntry } from "./entry.ts";
import { cleanName } from "./name.ts";
import { TarParser } from "./parser.ts";
import { formatPaxTime, parsePax, parsePaxTime } from "./pax.ts";

/** Parses with the archive cut into pieces of this size. */
function parse(archive: Buffer, pieceBytes = archive.length): Array<{ entry: TarEntry; body: string }> {
  const parser = new TarParser();
  const found: Array<{ entry: TarEntry; body: string }> = [];
  for (let at = 0; at < archive.length; at += pieceBytes) {
    for (const event of parser.push(archive.subarray(at, at + pieceBytes))) {
      if (event.kind === "entry") found.push({ entry: event.entry, body: "" });
      if (event.kind === "data") found.at(-1)!.body += Buffer.from(event.bytes).toString("latin1");
    }
  }
  parser.finish();
  return found;
}

const archive = (entries: readonly TarEntry[]): Buffer =>
  Buffer.concat([
    ...entries.flatMap((entry) => [encodeEntry(entry), Buffer.alloc(entry.sizeBytes, "b"), padding(entry.sizeBytes)]),
    endOfArchive(),
  ]);

const demanding = tarEntry(Buffer.concat([Buffer.from("d/".repeat(200)), Buffer.from([0xff, 0xfe])]), "file", {
  mode: 0o6755,
  uid: 3_000_000,
  gid: 4_000_000_000,
  sizeBytes: 1000,
  modifiedNanos: 1_234_567_890_123_456_789n,
  xattrs: new Map([["user.odd", Buffer.from([0, 61, 10, 255])]]),
});

test("an entry reads back as it was written, however the stream is cut", () => {
  const entries = [
    demanding,
    tarEntry("x", "symlink", { linkName: Buffer.alloc(300, "t") }),
    tarEntry("d/", "directory"),
  ];
  for (const pieceBytes of [1, 7, 511, 512, 513, 100_000]) {
    const found = parse(archive(entries), pieceBytes);
    expect(found.map(({ entry }) => entry)).toEqual(entries);
    expect(found[0]!.body).toBe("b".repeat(1000));
  }
});

test("random entries survive the round trip", () => {
  const random = generator(42);
  const types: TarEntryType[] = ["file", "hardLink", "symlink", "charDevice", "blockDevice", "directory", "fifo"];
  for (let round = 0; round < 200; round++) {
    const type = types[random(types.length)]!;
    const bytes = (length: number) => Buffer.from(Array.from({ length }, () => 1 + random(255)));
    const entry = tarEntry(Buffer.concat([bytes(random(250)), Buffer.from("e")]), type, {
      linkName: type.endsWith("ink") ? bytes(1 + random(250)) : Buffer.alloc(0),
      mode: random(0o10000),
      uid: random(2 ** 31),
      gid: random(2 ** 31),
      sizeBytes: type === "file" ? random(3000) : 0,
      modifiedNanos: BigInt(random(2 ** 31)) * 3_000_000_019n,
      deviceMajor: type.endsWith("Device") ? random(4096) : 0,
      deviceMinor: type.endsWith("Device") ? random(2 ** 20) : 0,
    });
    expect(parse(archive([entry]), 1 + random(2000))[0]!.entry).toEqual(entry);
  }
});

test("random damage is either read or refused, never anything else", () => {
  const random = generator(7);
  const whole = archive([demanding, tarEntry("plain", "file", { sizeBytes: 10 })]);
  for (let round = 0; round < 2000; round++) {
    const damaged = Buffer.from(whole.subarray(0, 1 + random(whole.length)));
    for (let hit = 0; hit < 3; hit++) damaged[random(damaged.length)] = random(256);
    try {
      parse(damaged, 1 + random(700));
    } catch (error) {
      expect(error).toBeInstanceOf(IsleError);
    }
  }
});

test("a clean name has no way up and no leading slash", () => {
  const clean = (name: string) => cleanName(Buffer.from(name)).toString();
  expect(["a/b", "/a//b/", "./a/./b", "a/c/../b", "./", "/"].map(clean)).toEqual(["a/b", "a/b", "a/b", "a/b", "", ""]);
  for (const name of ["..", "../a", "a/../../b", "/.."]) expect(() => clean(name)).toThrow("outside of the root");
});

test("pax times keep nanoseconds on both sides of 1970", () => {
  for (const nanos of [0n, 1n, 1_500_000_000n, -1n, -1_250_000_000n]) {
    expect(parsePaxTime(formatPaxTime(nanos))).toBe(nanos);
  }
});

test("a pax record's length must fit what follows", () => {
  expect(parsePax(Buffer.from("7 a=bc\n")).map(([name, value]) => [name, value.toString()])).toEqual([["a", "bc"]]);
  for (const text of ["8 a=bc\n", "6 a=bc\n", "a=b\n", "5 ab\n", "99999999999 a=b\n"]) {
    expect(() => parsePax(Buffer.from(text))).toThrow("pax record");
  }
});

/** A small repeatable source of numbers below a limit. */
function generator(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
