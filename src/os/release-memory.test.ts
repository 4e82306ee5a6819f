import { expect, test } from "bun:test";
import { cleanMappings } from "./release-memory.ts";

test("only executable, unwritable mappings of the file itself are given back", () => {
  const maps = [
    "00200000-01a39000 r--p 00000000 fe:00 5312976                            /usr/local/bin/isle",
    "01a40000-0684a000 r-xp 01838000 fe:00 5312976                            /usr/local/bin/isle",
    "06867000-06f2f000 rw-p 0665e000 fe:00 5312976                            /usr/local/bin/isle",
    "7fb561e9f000-7fb561ff5000 r-xp 00026000 fe:00 339380                     /usr/lib/libc.so.6",
    "7ffd0000-7ffd1000 r-xp 00000000 00:00 0                                  [vdso]",
  ].join("\n");
  expect(cleanMappings(maps, "/usr/local/bin/isle")).toEqual([{ start: 0x01a40000n, end: 0x0684a000n }]);
});
