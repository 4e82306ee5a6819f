import { expect, test } from "bun:test";
import { packageUrl, parseOsRelease, type SoftwarePackage } from "./package.ts";
import { readPackages, tellsOfPackages } from "./read-packages.ts";
import { spdxDocument } from "./spdx.ts";

const found = (path: string, text: string): string[] =>
  readPackages(path, text).map(({ name, version, architecture, license }) =>
    [name, version, architecture, license].join(" ").trim(),
  );

test("dpkg's record tells of what is installed, and of nothing that was removed", () => {
  const status = `Package: bash
Status: install ok installed
Maintainer: Matthias Klose <doko@debian.org>
Architecture: amd64
Version: 5.2.15-2+b7
Description: GNU Bourne Again SHell
 Version: this is text
 .
 more

Package: gone
Status: deinstall ok config-files
Version: 1
Architecture: all

Package: libc6
Status: install ok installed
Version: 1:2.36-9
Architecture: amd64
`;
  expect(found("var/lib/dpkg/status", status)).toEqual(["bash 5.2.15-2+b7 amd64", "libc6 1:2.36-9 amd64"]);
  expect(found("var/lib/dpkg/status.d/base", "Package: base-files\nVersion: 12\nArchitecture: all\n")).toEqual([
    "base-files 12 all",
  ]);
});

test("apk's record tells of packages with their licences", () => {
  const installed =
    "C:Q1abc=\nP:musl\nV:1.2.4-r2\nA:x86_64\nL:MIT\nm:Somebody <s@example.org>\n\nP:busybox\nV:1.36.1-r5\nA:x86_64\nL:GPL-2.0-only\n";
  expect(found("lib/apk/db/installed", installed)).toEqual([
    "musl 1.2.4-r2 x86_64 MIT",
    "busybox 1.36.1-r5 x86_64 GPL-2.0-only",
  ]);
});

test("npm's packages are known by their directories and by lock files of all versions", () => {
  expect(
    found("app/node_modules/@scope/x/package.json", '{"name":"@scope/x","version":"1.0.0","license":{"type":"MIT"}}'),
  ).toEqual(["@scope/x 1.0.0  MIT"]);
  const lock3 = {
    packages: {
      "": { name: "app", version: "1.0.0" },
      "node_modules/a": { version: "2.0.0", license: "ISC" },
      "node_modules/a/node_modules/@s/b": { version: "3.0.0" },
      "node_modules/linked": { resolved: "packages/linked", link: true },
    },
  };
  expect(found("app/package-lock.json", JSON.stringify(lock3))).toEqual(["a 2.0.0  ISC", "@s/b 3.0.0"]);
  const lock1 = { dependencies: { a: { version: "2.0.0", dependencies: { b: { version: "1.0.0" } } } } };
  expect(found("app/package-lock.json", JSON.stringify(lock1)).sort()).toEqual(["a 2.0.0", "b 1.0.0"]);
});

test("only the records themselves are read", () => {
  const paths = [
    "node_modules/a/package.json",
    "package.json",
    "node_modules/a/lib/package.json",
    "node_modules/a/package-lock.json",
  ];
  expect(paths.map(tellsOfPackages)).toEqual([true, false, false, false]);
  expect(tellsOfPackages("home/var/lib/dpkg/status")).toBe(false);
});

test("records that are broken or hostile tell of nothing", () => {
  let deep: object = {};
  for (let depth = 0; depth < 5000; depth += 1) deep = { dependencies: { a: { version: "1", ...deep } } };
  const texts = [
    "",
    "{",
    "[1]",
    '{"name":{},"version":1}',
    "Package: x\n",
    "P:x\n",
    '{"packages":{"node_modules/__proto__":{"version":"1"}}}',
  ];
  for (const path of [
    "var/lib/dpkg/status",
    "lib/apk/db/installed",
    "node_modules/a/package.json",
    "package-lock.json",
  ]) {
    for (const text of texts) expect(() => readPackages(path, text)).not.toThrow();
  }
  expect(readPackages("package-lock.json", JSON.stringify(deep)).length).toBeLessThanOrEqual(102);
});

const debian = { id: "debian", version: "12" };
const deb: SoftwarePackage = {
  ...{ type: "deb", name: "libstdc++6", version: "1:12.2-14", architecture: "amd64" },
  ...{ license: "", maintainer: "GCC <gcc@example.org>", source: "var/lib/dpkg/status" },
};

test("packages have the URLs that scanners know", () => {
  expect(packageUrl(deb, debian)).toBe("pkg:deb/debian/libstdc++6@1:12.2-14?arch=amd64&distro=debian-12");
  expect(packageUrl({ ...deb, type: "npm", name: "@a/b", architecture: "" }, debian)).toBe("pkg:npm/%40a/b@1:12.2-14");
  expect(packageUrl({ ...deb, type: "apk", name: "musl" }, { id: "", version: "" })).toBe(
    "pkg:apk/alpine/musl@1:12.2-14?arch=amd64",
  );
  expect(parseOsRelease('PRETTY_NAME="x"\nID=debian\nVERSION_ID="12"\n')).toEqual(debian);
});

test("a document names each package once and is the same for the same packages", () => {
  const facts = { name: "app", imageDigest: "sha256:00ff", createdAt: "2026-01-02T03:04:05Z", distribution: debian };
  const other = { ...deb, name: "zlib", license: "Zlib AND MIT" };
  const document = spdxDocument([other, deb, deb], facts) as {
    packages: Array<Record<string, unknown>>;
    relationships: unknown[];
  };
  expect(document).toEqual(spdxDocument([deb, other], facts) as typeof document);
  expect(document.packages.map(({ name }) => name)).toEqual(["app", "libstdc++6", "zlib"]);
  expect(document.packages[1]).toMatchObject({
    supplier: "Organization: GCC (gcc@example.org)",
    licenseDeclared: "NOASSERTION",
  });
  expect(document.packages[2]).toMatchObject({ licenseDeclared: "Zlib AND MIT" });
  expect(document.relationships).toHaveLength(3);
});
