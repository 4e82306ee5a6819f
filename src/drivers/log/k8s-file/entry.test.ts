import { describe, expect, test } from "bun:test";
import { EntryParser } from "./entry.ts";

const line = (text: string) => Buffer.from(`2024-05-06T07:08:09.123456789+00:00 ${text}\n`);
const shown = (entries: ReturnType<EntryParser["push"]>) =>
  entries.map(({ stream, data, partial }) => [stream, Buffer.from(data).toString(), partial]);

describe("log entries", () => {
  test("a whole line keeps its line end, a piece has none", () => {
    const entries = new EntryParser().push(Buffer.concat([line("stdout F whole"), line("stderr P piece")]));
    expect(shown(entries)).toEqual([
      ["stdout", "whole\n", false],
      ["stderr", "piece", true],
    ]);
  });
  test("the time is exact to the nanosecond", () => {
    expect(new EntryParser().push(line("stdout F x"))[0]!.timeNano).toBe(1714979289123456789n);
  });
  test("any cut between two reads gives the same entries", () => {
    const data = Buffer.concat([line("stdout F one two"), line("stdout F "), line("stderr F three")]);
    const whole = shown(new EntryParser().push(data));
    for (let cut = 0; cut <= data.length; cut += 1) {
      const parser = new EntryParser();
      expect(shown([...parser.push(data.subarray(0, cut)), ...parser.push(data.subarray(cut))])).toEqual(whole);
    }
  });
  test("a torn line is passed over and the next one read", () => {
    const torn = Buffer.concat([
      Buffer.from("2024-05-06T07:08\n2024-99-99Tx stdout F bad time\n"),
      Buffer.from("garbage\n"),
      line("stdout F ok"),
    ]);
    expect(shown(new EntryParser().push(torn))).toEqual([["stdout", "ok\n", false]]);
  });
});
