import { expect, test } from "bun:test";
import { BuildTree, plain } from "./build-tree.ts";

const step = (number: number, name: string) => ({ number, name });
const steps = [step(1, "[1/3] FROM busybox"), step(2, "[2/3] COPY . /"), step(3, "[3/3] RUN make")];
const said = (number: number, text: string) =>
  ({ kind: "output", step: steps[number - 1]!, data: Buffer.from(text).toString("base64") }) as const;
const screen = { columns: 40, rows: 20, colors: false };

function running(): BuildTree {
  const tree = new BuildTree(0);
  tree.take({ kind: "plan", steps }, 0);
  tree.take({ kind: "start", step: steps[0]! }, 0);
  tree.take({ kind: "end", step: steps[0]!, cached: false }, 200);
  tree.take({ kind: "start", step: steps[1]! }, 200);
  tree.take({ kind: "end", step: steps[1]!, cached: true }, 300);
  tree.take({ kind: "start", step: steps[2]! }, 300);
  return tree;
}

test("steps have their times, and the one that runs its last words", () => {
  const tree = running();
  tree.take(said(3, "one\ntwo\nthr"), 400);
  tree.take(said(3, "ee\n\x1b[31mred\x1b[0m\nhalf"), 400);
  expect(tree.lines(screen, 2300)).toEqual([
    "[+] Building 2.3s (2/3)",
    " => [1/3] FROM busybox             0.2s",
    " => CACHED [2/3] COPY . /          0.1s",
    " => [3/3] RUN make                 2.0s",
    " => => # one",
    " => => # two",
    " => => # three",
    " => => # red",
  ]);
});

test("no more than fits is shown: what has ended goes first, then words", () => {
  const tree = running();
  tree.take(said(3, "1\n2\n3\n4\n5\n6\n7\n8\n"), 400);
  const shown = (rows: number) => tree.lines({ ...screen, rows }, 2300).map((line) => line.slice(0, 14).trim());
  expect(shown(9)).toHaveLength(8);
  expect(shown(9)).toContain("=> [3/3] RUN");
  expect(shown(5)).toEqual(["[+] Building 2", "=> [3/3] RUN", "=> => # 7", "=> => # 8"]);
});

test("no line is longer than the terminal is wide", () => {
  const tree = new BuildTree(0);
  tree.take({ kind: "start", step: step(1, `[1/1] RUN ${"x".repeat(100)}`) }, 0);
  tree.take(said(1, `${"ü".repeat(100)}\n`), 0);
  for (const columns of [20, 40, 80]) {
    for (const line of tree.lines({ ...screen, columns }, 0)) expect([...line].length).toBeLessThan(columns);
  }
});

test("a failure is told with what the step said, and the whole list stays", () => {
  const tree = running();
  tree.take(said(3, "why\nno end"), 400);
  tree.take({ kind: "failed", step: steps[2]!, message: "exit code: 1" }, 1300);
  tree.end(1300);
  expect(tree.lines({ ...screen, rows: 3, colors: true }, 9000)).toEqual([
    "[+] Building 1.3s (3/3) FINISHED",
    "\x1b[34m => [1/3] FROM busybox             0.2s\x1b[0m",
    "\x1b[34m => CACHED [2/3] COPY . /          0.1s\x1b[0m",
    "\x1b[31m => ERROR [3/3] RUN make           1.0s\x1b[0m",
  ]);
  expect(tree.failures()).toEqual(["------", " > [3/3] RUN make:", "why", "no end", "------"]);
});

test("a step's words cannot move the cursor", () => {
  expect(plain("a\x1b[2Ab\x1b]0;title\x07c\x1bMd\re\tf\x9b1m\x00")).toBe("e    f1m");
  expect(plain("50%\r100%\r")).toBe("100%");
});
