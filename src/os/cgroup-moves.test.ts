import { expect, test } from "bun:test";
import { favoringMount } from "./cgroup-moves.ts";
import { parseMountInfo } from "./mount.ts";

test("options that are there stay when moves are favoured", () => {
  const line =
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot";
  expect(favoringMount(parseMountInfo(line))).toEqual({
    source: "cgroup2",
    target: "/sys/fs/cgroup",
    flags: 32 | 2 | 4 | 8 | (1 << 21),
    data: "nsdelegate,memory_recursiveprot,favordynmods",
  });
});
