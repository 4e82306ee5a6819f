import { expect, test } from "bun:test";
import { SharedWork } from "./shared-work.ts";

test("work that several join is started once and answers all", async () => {
  const shared = new SharedWork<number, string>();
  let started = 0;
  const gate = Promise.withResolvers<void>();
  const start = async (): Promise<number> => {
    started += 1;
    await gate.promise;
    return 7;
  };
  const both = Promise.all([shared.join("k", {}, start), shared.join("k", {}, start)]);
  gate.resolve();
  expect(await both).toEqual([7, 7]);
  expect(started).toBe(1);
});

test("one who leaves does not stop the others; the last one does", async () => {
  const shared = new SharedWork<number, string>();
  let workSignal: AbortSignal | undefined;
  const start = (signal: AbortSignal): Promise<number> => {
    workSignal = signal;
    return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  };
  const [first, second] = [new AbortController(), new AbortController()];
  const joins = [first, second].map(({ signal }) => shared.join("k", { signal }, start).catch(() => "left"));
  await Promise.resolve();
  first.abort();
  expect(await joins[0]).toBe("left");
  expect(workSignal!.aborted).toBe(false);
  second.abort();
  expect(await joins[1]).toBe("left");
  expect(workSignal!.aborted).toBe(true);
});

test("a late joiner hears the last progress", async () => {
  const shared = new SharedWork<number, string>();
  const gate = Promise.withResolvers<void>();
  const reported = Promise.withResolvers<void>();
  const first = shared.join("k", {}, async (_, report) => {
    report("half");
    reported.resolve();
    await gate.promise;
    return 1;
  });
  await reported.promise;
  const heard: string[] = [];
  const second = shared.join("k", { onProgress: (progress) => heard.push(progress) }, async () => 2);
  gate.resolve();
  expect(await Promise.all([first, second])).toEqual([1, 1]);
  expect(heard).toEqual(["half"]);
});
