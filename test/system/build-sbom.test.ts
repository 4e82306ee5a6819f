import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { type BuildPlace, openBuildPlace } from "../support/build-place.ts";

let place: BuildPlace;
beforeAll(async () => {
  place = await openBuildPlace();
});
afterEach(() => place.clear());
afterAll(() => place?.close());

async function build(...flags: string[]): Promise<string> {
  const { exitCode, stderr } = await place.run(...flags);
  expect(exitCode, stderr).toBe(0);
  return stderr;
}

interface Statement {
  readonly predicateType: string;
  readonly subject: ReadonlyArray<{ readonly name: string }>;
  readonly predicate: Record<string, unknown> & { readonly packages?: SpdxPackage[] };
}

interface SpdxPackage {
  readonly externalRefs?: ReadonlyArray<{ readonly referenceLocator: string }>;
}

/** What a build with these flags is told of its result. */
async function bill(...flags: string[]): Promise<{ statement: Statement; said: string }> {
  const said = await build(...flags, "-o", join(place.out, "files"));
  return { said, statement: JSON.parse(readFileSync(join(place.out, "files/sbom.spdx.json"), "utf8")) };
}

/** A zip archive, its files deflated. */
function zip(files: Readonly<Record<string, string | Buffer>>): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const packed = deflateRawSync(content);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(8, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(content.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, Buffer.from(name));
    parts.push(local, Buffer.from(name), packed);
    offset += 30 + name.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

const pom = (artifact: string): string => `version=1.5\ngroupId=org.example\nartifactId=${artifact}\n`;

test("a bill of materials has packages of languages, and hostile files do not stop it", async () => {
  const inner = zip({ "META-INF/maven/org.example/inner/pom.properties": pom("inner") });
  const jar = zip({ "META-INF/maven/org.example/outer/pom.properties": pom("outer"), "lib/inner.jar": inner, x: "y" });
  const bomb = zip({
    "META-INF/maven/a/b/pom.properties": Buffer.alloc(200 << 20),
    "META-INF/maven/a/c/pom.properties": pom("after"),
    "lib/bomb.jar": Buffer.alloc(100 << 20),
  });
  const dist = "root/usr/lib/python3/dist-packages";
  place.write({
    Dockerfile: "FROM scratch\nCOPY root /\n",
    [`${dist}/Flask_Thing-2.0.dist-info/METADATA`]: "Name: Flask_Thing\nVersion: 2.0\nLicense: BSD-3-Clause\n\nText\n",
    [`${dist}/broken.dist-info/METADATA`]: "\0".repeat(1000),
    "root/var/lib/gems/specifications/rack-3.0.gemspec": "# stub: rack 3.0 ruby lib\n",
    "root/app/Cargo.lock": '[[package]]\nname = "serde"\nversion = "1.0.9"\n',
    "root/app/vendor/composer/installed.json": '{"packages":[{"name":"psr/log","version":"3.0.0"}]}',
    "root/var/lib/rpm/rpmdb.sqlite": `SQLite format 3\0${"\xff".repeat(5000)}`,
  });
  writeFileSync(join(place.context, "root/app/app.jar"), jar);
  writeFileSync(join(place.context, "root/app/bomb.war"), bomb);
  copyFileSync("/usr/bin/docker-registry", join(place.context, "root/app/server"));
  const { statement } = await bill("--sbom");
  const urls = statement.predicate.packages!.slice(1).map((each) => each.externalRefs![0]!.referenceLocator);
  expect(urls.filter((url) => !url.startsWith("pkg:golang/"))).toEqual([
    "pkg:cargo/serde@1.0.9",
    "pkg:composer/psr/log@3.0.0",
    "pkg:gem/rack@3.0",
    "pkg:maven/org.example/after@1.5",
    "pkg:maven/org.example/inner@1.5",
    "pkg:maven/org.example/outer@1.5",
    "pkg:pypi/flask-thing@2.0",
  ]);
  expect(urls).toContainEqual(expect.stringMatching(/^pkg:golang\/stdlib@1\./));
});

test("stages and the context are looked into where an ARG asks for that", async () => {
  place.write({
    Dockerfile: [
      "ARG BUILDKIT_SBOM_SCAN_CONTEXT=true",
      "FROM scratch AS tools\nARG BUILDKIT_SBOM_SCAN_STAGE=other,tools\nCOPY lib /",
      "FROM scratch AS quiet\nARG BUILDKIT_SBOM_SCAN_STAGE=other\nCOPY lib /quiet",
      "FROM scratch\nARG BUILDKIT_SBOM_SCAN_CONTEXT\nCOPY --from=tools /f /\nCOPY --from=quiet /quiet/f /q\n",
    ].join("\n"),
    "lib/Cargo.lock": '[[package]]\nname = "inner"\nversion = "2.0.0"\n',
    "lib/f": "f",
    "composer/installed.json": '{"packages":[{"name":"a/b","version":"1"}]}',
  });
  const { statement } = await bill("--sbom");
  expect(statement.predicate.packages).toHaveLength(1);
  const told = (name: string) => {
    const { predicate } = JSON.parse(
      readFileSync(join(place.out, "files", `sbom-${name}.spdx.json`), "utf8"),
    ) as Statement;
    return predicate.packages!.slice(1).map((each) => each.externalRefs![0]!.referenceLocator);
  };
  expect(told("tools")).toEqual(["pkg:cargo/inner@2.0.0"]);
  expect(told("context")).toEqual(["pkg:cargo/inner@2.0.0", "pkg:composer/a/b@1"]);
  expect(() => told("quiet")).toThrow();
});

const scanner = `set -e
if touch "$BUILDKIT_SCAN_SOURCE/x" 2>/dev/null; then echo may write; exit 9; fi
[ "$(ls /sys/class/net)" = lo ] || { echo has a network; exit 8; }
name=$(cat "$BUILDKIT_SCAN_SOURCE/marker")
echo "looks at $name"
[ -z "$BUILDKIT_SCAN_SOURCE_EXTRAS" ] || echo "beside it: $(ls -d "$BUILDKIT_SCAN_SOURCE_EXTRAS"*/*)"
[ "$BUILDKIT_SCAN_MODE" != none ] || exit 0
case $BUILDKIT_SCAN_MODE in
  bare) printf '{"spdxVersion":"SPDX-2.3","name":"%s"}' "$name" ;;
  bad) echo "{" ;;
  *) printf '{"predicateType":"https://spdx.dev/Document","predicate":{"name":"%s","comment":"%s"}}' "$name" "$1" ;;
esac > "$BUILDKIT_SCAN_DESTINATION/$(basename "$BUILDKIT_SCAN_SOURCE").spdx.json"
`;

test("a generator of the user's choice makes the bill, without a network and without writing to the image", async () => {
  place.write({
    Dockerfile: `FROM busybox\nCOPY scan /scan\nENTRYPOINT ["sh", "/scan"]\nCMD ["a 'word' $x"]\n`,
    scan: scanner,
  });
  await build("-t", "scanner");
  place.write({ Dockerfile: "FROM scratch\nCOPY marker /\n", marker: "seen" });
  const { said, statement } = await bill("--sbom=generator=scanner");
  expect(said).toContain("generating sbom using scanner");
  expect(said).toContain("looks at seen");
  expect(statement).toMatchObject({
    predicateType: "https://spdx.dev/Document",
    predicate: { name: "seen", comment: "a 'word' $x" },
    subject: [{ name: "marker" }],
  });
  place.write({
    Dockerfile:
      "FROM scratch AS b\nARG BUILDKIT_SBOM_SCAN_STAGE=1\nCOPY other /\nFROM scratch\nCOPY marker /\nCOPY --from=b other /\n",
    other: "x",
  });
  const extras = await bill("--sbom=generator=scanner");
  expect(extras.said).toContain("beside it: /run/src/extras/sbom-b/other");
  const bare = await bill("--attest", "type=sbom,generator=scanner,mode=bare");
  expect(bare.statement.predicate["name"]).toBe("seen");
  for (const [mode, reason] of [
    ["bad", "wrote sbom.spdx.json, which is no JSON"],
    ["none", "wrote no *.spdx.json"],
  ] as const) {
    const { exitCode, stderr } = await place.run(
      `--sbom=generator=scanner,MODE=${mode}`,
      "-o",
      join(place.out, "files"),
    );
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(reason)]);
  }
});
