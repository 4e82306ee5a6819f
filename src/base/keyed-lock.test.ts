import { expect, test } from "bun:test";
import { KeyedLock } from "./keyed-lock.ts";

test("work with one key never overlaps, also after a failure", async () => {
  const lock = new KeyedLock();
  const log: string[] = [];
  const work =
    (name: string, fails = false) =>
    async () => {
      log.push(`${name} in`);
      await Promise.resolve();
      log.push(`${name} out`);
      if (fails) throw new Error(name);
    };
  const first = lock.run("k", work("a", true));
  const second = lock.run("k", work("b"));
  await expect(first).rejects.toThrow("a");
  await second;
  expect(log).toEqual(["a in", "a out", "b in", "b out"]);
});
test("other keys go on meanwhile", async () => {
  const lock = new KeyedLock();
  const never = Promise.withResolvers<void>();
  void lock.run("a", () => never.promise);
  expect(await lock.run("b", async () => 7)).toBe(7);
  never.resolve();
});
