import { expect, test } from "bun:test";
import { containerPath, copyPlan, renamed } from "./copy-plan.ts";

const file = (path: string) => ({ path, isDirectory: false });
const directory = (path: string) => ({ path, isDirectory: true });
const absent = (path: string) => ({ path, exists: false, isDirectory: false });
const existing = (path: string, isDirectory: boolean) => ({ path, exists: true, isDirectory });

test("into a directory that exists, the source keeps its name", () => {
  expect(copyPlan(directory("/d"), existing("/to", true))).toEqual({ directory: "/to", rename: undefined });
});

test("to a path that is free, the source gets that name", () => {
  expect(copyPlan(directory("/d"), absent("/a/new/"))).toEqual({ directory: "/a", rename: { from: "d", to: "new" } });
  expect(copyPlan(directory("/d/."), absent("/a/new"))).toEqual({ directory: "/a", rename: { from: ".", to: "new" } });
});

test("what does not fit is refused", () => {
  expect(() => copyPlan(directory("/d"), existing("/f", false))).toThrow("cannot copy directory");
  expect(() => copyPlan(file("/f"), absent("/a/new/"))).toThrow("no such directory");
  expect(() => copyPlan(file("/f/"), existing("/to", true))).toThrow("not a directory");
  expect(() => copyPlan(file("/f"), existing("/g/", false))).toThrow("not a directory");
});

test("entries are renamed at their beginning only", () => {
  const rename = { from: "d", to: "new" };
  expect(["d", "d/x", "./d/y", "dd/x", "x/d"].map((name) => renamed(name, rename))).toEqual([
    "new",
    "new/x",
    "new/y",
    "dd/x",
    "x/d",
  ]);
  expect(["./", "./a/b", "."].map((name) => renamed(name, { from: ".", to: "n" }))).toEqual(["n", "n/a/b", "n"]);
});

test("a colon names a container unless a path goes before it", () => {
  expect(containerPath("web:/x:y")).toEqual({ container: "web", path: "/x:y" });
  expect(containerPath("./a:b")).toBeUndefined();
  expect(containerPath("/a:b")).toBeUndefined();
  expect(containerPath("plain")).toBeUndefined();
});
