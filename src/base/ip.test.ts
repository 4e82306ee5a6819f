import { describe, expect, test } from "bun:test";
import {
  contains,
  formatBlock,
  formatIp,
  ipBytes,
  ipOfBytes,
  isIp,
  normalIp,
  overlaps,
  parseBlock,
  parseIp,
} from "./ip.ts";

describe("addresses", () => {
  test.each([
    ["10.0.0.1", "10.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["fd00:0:0:0::1", "fd00::1"],
    ["::", "::"],
    ["::1", "::1"],
    ["FE80::A", "fe80::a"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"],
    ["::ffff:10.1.2.3", "::ffff:a01:203"],
  ])("%s is written %s", (text, shown) => {
    expect(normalIp(text)).toBe(shown);
    expect(ipOfBytes(ipBytes(text))).toBe(shown);
  });
  test.each([
    "",
    "1.2.3",
    "1.2.3.256",
    "1.2.3.4.5",
    "g::1",
    "1::2::3",
    "1:2:3",
    "1:2:3:4:5:6:7:8:9",
    "::1.2.3",
    "12345::",
  ])("%p is none", (text) => expect(isIp(text)).toBe(false));
});

describe("blocks", () => {
  test("are masked", () => {
    expect(formatBlock(parseBlock("10.1.2.3/16"))).toBe("10.1.0.0/16");
    expect(formatBlock(parseBlock("fd00:1::5/64"))).toBe("fd00:1::/64");
  });
  test.each(["10.0.0.0", "10.0.0.0/33", "10.0.0.0/x", "fd00::/129", "10.0.0.0/8/8"])("%p is none", (text) =>
    expect(() => parseBlock(text)).toThrow("invalid subnet"),
  );
  test("know what lies in them and whom they overlap", () => {
    expect(contains(parseBlock("10.1.0.0/16"), parseIp("10.1.255.255"))).toBe(true);
    expect(contains(parseBlock("10.1.0.0/16"), parseIp("10.2.0.0"))).toBe(false);
    expect(contains(parseBlock("::/0"), parseIp("10.2.0.0"))).toBe(false);
    expect(overlaps(parseBlock("10.0.0.0/8"), parseBlock("10.9.0.0/24"))).toBe(true);
    expect(overlaps(parseBlock("fd00::/64"), parseBlock("fd00:0:0:1::/64"))).toBe(false);
  });
});
test("the whole space is written and read back", () => {
  expect(formatIp(parseIp("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"))).toBe("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
});
