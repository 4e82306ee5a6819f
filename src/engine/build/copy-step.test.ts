import { expect, test } from "bun:test";
import { copyKey } from "./copy-step.ts";

const copy = { linked: false, target: "/t", endsInSlash: false, chown: undefined, mode: undefined };
const facts = {
  kind: "copy",
  below: `sha256:${"a".repeat(64)}`,
  taken: "files",
  added: [],
  copy,
  epoch: undefined,
} as const;
type Facts = Parameters<typeof copyKey>[0];
const linked: Facts = { ...facts, copy: { ...copy, linked: true } };
const elsewhere: Partial<Facts> = { below: `sha256:${"b".repeat(64)}` };

test("a linked copy has the same key on whatever layers, another one has not", () => {
  expect(copyKey({ ...linked, ...elsewhere })).toBe(copyKey(linked));
  expect(copyKey({ ...linked, below: undefined })).toBe(copyKey(linked));
  expect(copyKey({ ...facts, ...elsewhere })).not.toBe(copyKey(facts));
  expect(copyKey({ ...facts, below: undefined })).not.toBe(copyKey({ ...linked, below: undefined }));
});

const changes: ReadonlyArray<readonly [what: string, change: Partial<Facts>]> = [
  ["its files", { taken: "others" }],
  ["its keyword", { kind: "add" }],
  ["what it adds", { added: [["name", "digest", false]] }],
  ["SOURCE_DATE_EPOCH", { epoch: 1 }],
  ["its target", { copy: { ...linked.copy, target: "/u" } }],
  ["the end of its target", { copy: { ...linked.copy, endsInSlash: true } }],
  ["its owner", { copy: { ...linked.copy, chown: "1:2" } }],
  ["its mode", { copy: { ...linked.copy, mode: "600" } }],
];
for (const [what, change] of changes) {
  test(`the key of a linked copy is made of ${what}`, () => {
    expect(copyKey({ ...linked, ...change })).not.toBe(copyKey(linked));
  });
}
