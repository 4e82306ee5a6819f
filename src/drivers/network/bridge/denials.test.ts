import { describe, expect, test } from "bun:test";
import { mergeDenials, readNotes } from "./denials.ts";
import { isIntact, withoutElements } from "./listing.ts";

const listing = JSON.stringify({
  nftables: [
    { metainfo: { version: "1.0.6" } },
    {
      set: {
        name: "denied4",
        elem: [
          {
            elem: {
              val: { concat: ["10.0.0.2", "192.0.2.1", "tcp", 443] },
              timeout: 86_400,
              expires: 86_390,
              counter: { packets: 3, bytes: 180 },
            },
          },
        ],
      },
    },
    { set: { name: "denied_other4", elem: [{ elem: { val: { concat: ["10.0.0.2", "192.0.2.1", "icmp"] } } }] } },
    { set: { name: "names_x_0_4", elem: [{ elem: { val: "192.0.2.9", timeout: 300, expires: 120 } }] } },
    { set: { name: "bridges", elem: ["br0"] } },
    { chain: { name: "forward" } },
  ],
});

describe("what the table noted by itself", () => {
  test("is who was refused, where to, how often and when last", () => {
    const { denials, learned } = readNotes(listing, Date.parse("2026-01-01T00:00:10Z"));
    expect(denials[0]).toEqual({
      source: "10.0.0.2",
      destination: "192.0.2.1",
      protocol: "tcp",
      port: 443,
      packets: 3,
      lastAt: "2026-01-01T00:00:00.000Z",
    });
    expect(denials[1]).toMatchObject({ protocol: "icmp", port: 0, packets: 0 });
    expect([...learned]).toEqual([["names_x_0_4", [{ address: "192.0.2.9", secondsLeft: 120 }]]]);
  });
  test("adds up over the writings of the table, the latest first", () => {
    const one = { source: "a", destination: "b", protocol: "tcp", port: 1, packets: 2, lastAt: "2026-01-01" };
    const other = { ...one, port: 2, lastAt: "2026-01-03" };
    expect(mergeDenials([one, other], [{ ...one, packets: 5, lastAt: "2026-01-02" }])).toEqual([
      other,
      { ...one, packets: 7, lastAt: "2026-01-02" },
    ]);
  });
});

describe("a listed table", () => {
  const shown =
    "table inet isle {\n\tmap ports4 {\n\t\ttype x\n\t\telements = { tcp . 80 : 10.0.0.2 . 80,\n\t\t\t     tcp . 81 : 10.0.0.3 . 80 }\n\t}\n}";
  const before = withoutElements(shown);
  test("is intact with all its elements, in whatever order", () => {
    expect(isIntact(shown, ["tcp . 81 : 10.0.0.3 . 80", "tcp . 80 : 10.0.0.2 . 80"], before)).toBe(true);
  });
  test("may show protocols by number", () => {
    const numbers = shown.replaceAll("tcp", "6");
    expect(isIntact(numbers, ["tcp . 80 : 10.0.0.2 . 80"], withoutElements(numbers))).toBe(true);
  });
  test("is not when an element or a line is gone", () => {
    expect(isIntact(shown, ["tcp . 82 : 10.0.0.3 . 80"], before)).toBe(false);
    expect(isIntact(shown.replace("type x", ""), [], before)).toBe(false);
    expect(isIntact(shown, [], undefined)).toBe(false);
  });
});
