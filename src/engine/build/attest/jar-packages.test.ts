import { expect, test } from "bun:test";
import { zipEntries } from "../../../core/build/sbom/zip-directory.ts";
import { jarPackages } from "./jar-packages.ts";

/** An archive of one file, not deflated. */
function stored(name: string, content: Buffer, claims: { size?: number } = {}): Buffer {
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  local.writeUInt16LE(name.length, 26);
  const entry = Buffer.alloc(46);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt32LE(content.length, 20);
  entry.writeUInt32LE(claims.size ?? content.length, 24);
  entry.writeUInt16LE(name.length, 28);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(30 + name.length + content.length, 16);
  return Buffer.concat([local, Buffer.from(name), content, entry, Buffer.from(name), end]);
}

const pom = Buffer.from("groupId=g\nartifactId=a\nversion=1\n");
const path = "META-INF/maven/g/a/pom.properties";
const found = async (archive: Buffer, budget = { bytes: 1 << 20 }): Promise<number> =>
  (await jarPackages("x.jar", archive, budget)).length;

test("jars in jars are read, but not without end", async () => {
  let archive = stored(path, pom);
  expect(await found(archive)).toBe(1);
  const depths: number[] = [];
  for (let depth = 1; depth <= 3; depth += 1) {
    archive = stored("lib/inner.jar", archive);
    depths.push(await found(archive));
  }
  expect(depths).toEqual([1, 1, 0]);
});

test("what is larger than it may be, or would use up what is left, is passed over", async () => {
  expect(await found(stored(path, Buffer.alloc(1 << 17)))).toBe(0);
  expect(await found(stored(path, pom, { size: 2 ** 31 }))).toBe(0);
  expect(await found(stored(path, pom), { bytes: 10 })).toBe(0);
});

test("broken archives break nothing", () => {
  const whole = stored(path, pom);
  let seed = 3;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed % below;
  };
  for (let round = 0; round < 500; round += 1) {
    const broken = Buffer.from(whole.subarray(0, 22 + random(whole.length - 21)));
    for (let hit = 0; hit < 6; hit += 1) broken[random(broken.length)] = random(256);
    expect([...zipEntries(broken)].length).toBeLessThan(3);
  }
  expect([...zipEntries(Buffer.alloc(5))]).toEqual([]);
});
