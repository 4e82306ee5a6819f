import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Digest, hexOf } from "../../src/base/digest.ts";
import { IsleError } from "../../src/base/error.ts";
import { createFilesContent } from "../../src/drivers/content/files/files-content.ts";
import { createOverlaySnapshots } from "../../src/drivers/snapshot/overlay/overlay-snapshots.ts";
import { readXattr } from "../../src/os/xattr.ts";
import { archiveOf, type CorpusEntry, hostileArchives, link, paxHeader } from "./archive-corpus.ts";

let directory: string;
let content: ReturnType<typeof createFilesContent>;
let snapshots: ReturnType<typeof createOverlaySnapshots>;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "isle-unpack-"));
  content = createFilesContent(directory);
  snapshots = createOverlaySnapshots({ directory, content });
});

afterAll(() => rmSync(directory, { recursive: true }));

const digestOf = (bytes: Uint8Array): Digest => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

async function store(bytes: Uint8Array): Promise<Digest> {
  const chunks = (async function* () {
    yield bytes;
  })();
  return (await content.ingest(chunks)).digest;
}

/** Unpacks an archive as a layer and returns the layer's directory. */
async function unpack(plain: Buffer, stored: Uint8Array = plain): Promise<string> {
  const diffId = digestOf(plain);
  await snapshots.applyLayer({ chainId: diffId, parent: undefined, diffId, blob: await store(stored) });
  return join(directory, "layers", hexOf(diffId), "fs");
}

const unpackEntries = (...entries: CorpusEntry[]): Promise<string> => unpack(archiveOf(...entries));

describe("a hostile archive is refused and leaves nothing", () => {
  for (const [name, build] of Object.entries(hostileArchives)) {
    test(name, async () => {
      const before = [...snapshots.listLayers()];
      const failure = await unpack(build()).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(IsleError);
      expect((failure as IsleError).code).toBe("invalid");
      expect([...snapshots.listLayers()]).toEqual(before);
      expect(readdirSync(join(directory, "incoming"))).toEqual([]);
    });
  }
});

describe("an archive cannot reach outside of its layer", () => {
  test("an absolute name lands inside", async () => {
    const layer = await unpackEntries({ name: `${directory}/planted`, body: "x" });
    expect(existsSync(join(directory, "planted"))).toBe(false);
    expect(existsSync(join(layer, directory, "planted"))).toBe(true);
  });

  test("a write through an absolute link lands inside", async () => {
    writeFileSync(join(directory, "victim"), "safe");
    const layer = await unpackEntries({ name: directory.slice(1), type: "directory" }, link("out", directory), {
      name: "out/victim",
      body: "evil",
    });
    expect(readFileSync(join(directory, "victim"), "utf8")).toBe("safe");
    expect(readFileSync(join(layer, directory, "victim"), "utf8")).toBe("evil");
  });

  test("a file does not write through a link of its own name", async () => {
    writeFileSync(join(directory, "victim"), "safe");
    const layer = await unpackEntries(link("a", join(directory, "victim")), { name: "a", body: "evil" });
    expect(readFileSync(join(directory, "victim"), "utf8")).toBe("safe");
    expect(lstatSync(join(layer, "a")).isFile()).toBe(true);
  });
});

describe("an odd archive unpacks as it says", () => {
  test("owner, mode, time, attributes and links are kept", async () => {
    const capability = Buffer.from("0100000200040000000000000000000000000000", "hex");
    const layer = await unpackEntries(
      { name: "dir", type: "directory", mode: 0o2775, uid: 12, gid: 34, modifiedNanos: 1_000_000_001n },
      {
        name: "dir/file",
        body: "hello",
        mode: 0o4755,
        uid: 1000,
        gid: 1001,
        modifiedNanos: 1_600_000_000_123_456_789n,
        xattrs: new Map([["security.capability", capability]]),
      },
      link("dir/hard", "dir/file", "hardLink"),
      link("dir/soft", "/nowhere"),
      { name: "dir/fifo", type: "fifo", mode: 0o600 },
      { name: "dir/null", type: "charDevice", mode: 0o666, deviceMajor: 1, deviceMinor: 3 },
    );
    const file = lstatSync(join(layer, "dir/file"), { bigint: true });
    expect([file.mode & 0o7777n, file.uid, file.gid, file.nlink]).toEqual([0o4755n, 1000n, 1001n, 2n]);
    expect(file.mtimeNs).toBe(1_600_000_000_123_456_789n);
    expect(readXattr(Buffer.from(join(layer, "dir/file")), "security.capability")).toEqual(capability);
    const dir = lstatSync(join(layer, "dir"), { bigint: true });
    expect([dir.mode & 0o7777n, dir.uid, dir.gid, dir.mtimeNs]).toEqual([0o2775n, 12n, 34n, 1_000_000_001n]);
    expect(readlinkSync(join(layer, "dir/soft"))).toBe("/nowhere");
    expect(lstatSync(join(layer, "dir/fifo")).isFIFO()).toBe(true);
    expect(lstatSync(join(layer, "dir/null")).rdev).toBe(0x103);
  });

  test("whiteouts become overlayfs's, and entries of the layer itself win over them", async () => {
    const layer = await unpackEntries(
      { name: "dir/.wh.gone" },
      { name: "dir/.wh..wh..opq" },
      { name: "kept", body: "x" },
      { name: ".wh.kept" },
      { name: ".wh.again" },
      { name: "again", type: "directory" },
    );
    expect(lstatSync(join(layer, "dir/gone")).rdev).toBe(0);
    expect(lstatSync(join(layer, "dir/gone")).isCharacterDevice()).toBe(true);
    expect(readXattr(Buffer.from(join(layer, "dir")), "trusted.overlay.opaque")?.toString()).toBe("y");
    expect(lstatSync(join(layer, "kept")).isFile()).toBe(true);
    expect(readXattr(Buffer.from(join(layer, "again")), "trusted.overlay.opaque")?.toString()).toBe("y");
  });
});

describe("an odd archive does no harm", () => {
  test("overlayfs's own attributes are not taken from an archive", async () => {
    const xattrs = new Map([["trusted.overlay.redirect", Buffer.from("/secret")]]);
    const layer = await unpackEntries({ name: "d", type: "directory", xattrs });
    expect(readXattr(Buffer.from(join(layer, "d")), "trusted.overlay.redirect")).toBeUndefined();
  });

  test("a later entry replaces an earlier one of its name, whatever both are", async () => {
    const layer = await unpackEntries(
      { name: "a/deep/file", body: "x" },
      { name: "a", body: "now a file" },
      { name: "a", type: "directory" },
      { name: "a/again", body: "y" },
    );
    expect(readdirSync(join(layer, "a"))).toEqual(["again"]);
  });

  test("names that are not UTF-8 and names of 255 bytes are kept byte for byte", async () => {
    const odd = Buffer.from([0x66, 0xff, 0xfe, 0x6f]);
    const long = "l".repeat(255);
    const layer = await unpackEntries({ name: odd, body: "x" }, { name: long, body: "y" });
    const names = readdirSync(layer, { encoding: "buffer" }) as Buffer[];
    expect(names.some((name) => name.equals(odd))).toBe(true);
    expect(readFileSync(join(layer, long), "utf8")).toBe("y");
  });

  test("a sparse file has its holes and its real size", async () => {
    const header = paxHeader(["GNU.sparse.size", "1048580"], ["GNU.sparse.map", "0,4,1048576,4"]);
    const archive = Buffer.concat([header, archiveOf({ name: "sparse", body: "headtail" })]);
    const file = join(await unpack(archive), "sparse");
    const bytes = readFileSync(file);
    expect(bytes.length).toBe(1048580);
    expect([bytes.toString("latin1", 0, 4), bytes.toString("latin1", 1048576)]).toEqual(["head", "tail"]);
    expect(lstatSync(file).blocks * 512).toBeLessThan(1048576);
  });
});

describe("a layer", () => {
  test("of gzip or zstd unpacks to the same as plain", async () => {
    for (const compress of [gzipSync, zstdCompressSync]) {
      const plain = archiveOf({ name: "by", body: compress.name });
      const layer = await unpack(plain, compress(plain));
      expect(readFileSync(join(layer, "by"), "utf8")).toBe(compress.name);
    }
  });

  test("whose content has another digest than the image says is refused as damaged", async () => {
    const blob = await store(archiveOf({ name: "a", body: "tampered" }));
    const diffId = digestOf(Buffer.from("other"));
    const failure = await snapshots.applyLayer({ chainId: diffId, parent: undefined, diffId, blob }).catch((e) => e);
    expect((failure as IsleError).code).toBe("dataLoss");
    expect(snapshots.hasLayer(diffId)).toBe(false);
  });

  test("applied by two at once is unpacked once", async () => {
    const plain = archiveOf({ name: "twice", body: "x" });
    const [one, two] = await Promise.all([unpack(plain), unpack(plain)]);
    expect(one).toBe(two);
    expect(readFileSync(join(one, "twice"), "utf8")).toBe("x");
  });
});
