import { expect, test } from "bun:test";
import { Slots } from "./slots.ts";

test("places go to those in line, in order, and one given back twice counts once", async () => {
  const slots = new Slots(1);
  const release = await slots.take();
  expect(slots.full).toBe(true);
  const order: string[] = [];
  const takeAs = async (name: string) => {
    const free = await slots.take();
    order.push(name);
    return free;
  };
  const a = takeAs("a");
  const b = takeAs("b");
  release();
  release();
  (await a)();
  await b;
  expect(order).toEqual(["a", "b"]);
  expect(slots.full).toBe(true);
});

test("who gives up in line takes no place", async () => {
  const slots = new Slots(1);
  const release = await slots.take();
  const controller = new AbortController();
  const waiting = slots.take(controller.signal).catch(() => "gave up");
  controller.abort();
  expect(await waiting).toBe("gave up");
  release();
  expect(slots.full).toBe(false);
});
