import { expect, test } from "bun:test";
import { parseBlkio, parseFlat, parseIoStat } from "./cgroup.ts";
import { parseLimits, parseOsRelease } from "./facts.ts";

test("flat files are read by name", () => {
  expect(parseFlat("usage_usec 12\nuser_usec 7\n\n")).toEqual({ usage_usec: 12, user_usec: 7 });
});
test("version 2 tells bytes and operations on one line", () => {
  expect(parseIoStat("8:16 rbytes=4096 wbytes=512 rios=2 wios=1 dbytes=0 dios=0\n")).toEqual([
    { major: 8, minor: 16, op: "read", bytes: 4096, ios: 2 },
    { major: 8, minor: 16, op: "write", bytes: 512, ios: 1 },
  ]);
});
test("version 1 tells them in two files", () => {
  expect(parseBlkio("8:0 Read 4096\nTotal 4096\n", "8:0 Read 2\nTotal 2\n")).toEqual([
    { major: 8, minor: 0, op: "read", bytes: 4096, ios: 2 },
  ]);
});
test("hard limits are read, unlimited ones left out", () => {
  const text = [
    "Limit                     Soft Limit           Hard Limit           Units     ",
    "Max open files            1024                 20000                files     ",
    "Max cpu time              unlimited            unlimited            seconds   ",
  ].join("\n");
  expect(parseLimits(text)).toEqual({ RLIMIT_NOFILE: 20000 });
});
test("os-release values may be quoted either way or not at all", () => {
  expect(parseOsRelease("PRETTY_NAME=\"A B\"\nID=debian\nVERSION_ID='12'\n")).toEqual({
    PRETTY_NAME: "A B",
    ID: "debian",
    VERSION_ID: "12",
  });
});
