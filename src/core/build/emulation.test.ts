import { expect, test } from "bun:test";
import { parseEmulator, whyNotRunnable } from "./emulation.ts";

const file = (magic: string, { flags = "POCF", enabled = true } = {}): string =>
  `${enabled ? "enabled" : "disabled"}\ninterpreter /usr/libexec/qemu-binfmt/x\nflags: ${flags}\noffset 0\nmagic ${magic}\nmask ffffffffffffff00\n`;
const arm64 = "7f454c460201010000000000000000000200b700";

const known: ReadonlyArray<readonly [magic: string, architecture: string]> = [
  [arm64, "arm64"],
  ["7f454c4601010100000000000000000002002800", "arm"],
  ["7f454c460202010000000000000000000002" + "0016", "s390x"],
  ["7f454c460202010000000000000000000002" + "0015", "ppc64"],
  ["7f454c4602010100000000000000000002001500", "ppc64le"],
  ["7f454c460201010000000000000000000200f300", "riscv64"],
];
for (const [magic, architecture] of known) {
  test(`an emulator for ${architecture} is known by its magic`, () => {
    expect(parseEmulator(file(magic))).toEqual({ architecture, enabled: true, fixed: true });
  });
}

test("other interpreters emulate nothing", () => {
  expect(
    parseEmulator("enabled\ninterpreter /usr/bin/python3.11\nflags: \noffset 0\nmagic a70d0d0a\n"),
  ).toBeUndefined();
  expect(parseEmulator("enabled\ninterpreter /usr/bin/jexec\nextension .jar\n")).toBeUndefined();
  expect(parseEmulator("enabled\n")).toBeUndefined();
});

const host = { os: "linux", architecture: "amd64" };
const why = (platform: string, ...files: string[]): string | undefined => {
  const [os = "", architecture = ""] = platform.split("/");
  const emulators = files.flatMap((text) => parseEmulator(text) ?? []);
  return whyNotRunnable({ os, architecture }, host, emulators)?.why;
};

test("programs of the machine's own kind run, and those with an emulator", () => {
  expect([why("linux/amd64"), why("linux/386"), why("linux/arm64", file(arm64))]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("what cannot run says why", () => {
  expect(why("linux/arm64")).toContain("no emulator for arm64 is registered");
  expect(why("linux/arm", file(arm64))).toContain("no emulator for arm is registered");
  expect(why("linux/arm64", file(arm64, { enabled: false }))).toContain("disabled");
  expect(why("linux/arm64", file(arm64, { flags: "OC" }))).toContain("without the flag F");
  expect(why("windows/amd64")).toContain("another system");
});
