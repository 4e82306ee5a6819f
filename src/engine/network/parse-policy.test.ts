import { describe, expect, test } from "bun:test";
import { egressOfLabels, insideOfLabels, parseEgress, parseInside, parseRate, rateOfLabels } from "./parse-policy.ts";

describe("rules inside a network", () => {
  test("say who may talk to whom on which ports", () => {
    expect(
      parseInside(undefined, ["web -> db:5432", "deny * -> db", "label=tier=api -> *:80,8000-8010/tcp,53/udp"]),
    ).toEqual({
      otherwise: "deny",
      rules: [
        { verdict: "allow", from: "web", to: "db", ports: [{ protocol: "tcp", first: 5432, last: 5432 }] },
        { verdict: "deny", from: "*", to: "db", ports: [] },
        {
          verdict: "allow",
          from: "label=tier=api",
          to: "*",
          ports: [
            { protocol: "tcp", first: 80, last: 80 },
            { protocol: "tcp", first: 8000, last: 8010 },
            { protocol: "udp", first: 53, last: 53 },
          ],
        },
      ],
    });
  });
  test("that only deny leave the rest open, unless told otherwise", () => {
    expect(parseInside(undefined, ["deny a -> b"]).otherwise).toBe("allow");
    expect(parseInside("deny", []).otherwise).toBe("deny");
    expect(parseInside("allow", ["a -> b"]).otherwise).toBe("allow");
  });
  test.each([
    "web db",
    "web -> ",
    "-> db",
    "web -> db:0",
    "web -> db:70000",
    "web -> db:9-3",
    "web -> db:80/icmp",
    "we;b -> db",
    'web -> "db"',
    "web -> {}",
  ])("%p makes no sense", (rule) => expect(() => parseInside(undefined, [rule])).toThrow("invalid policy rule"));
  test("come from labels, between semicolons or on lines", () => {
    const labels = { "isle.policy.rules": "web -> db:5432; * -> web:80\n", other: "x" };
    expect(insideOfLabels(labels)!.rules).toHaveLength(2);
    expect(insideOfLabels({ other: "x" })).toBeUndefined();
    expect(() => insideOfLabels({ "isle.policy.default": "maybe" })).toThrow("invalid default");
  });
});

describe("egress", () => {
  test("is a list of blocks and names", () => {
    const tcp443 = [{ protocol: "tcp", first: 443, last: 443 }];
    expect(
      parseEgress(["10.1.2.3", "10.0.0.0/8:443", "fd00::/8 443", "Example.org:443", "*.example.org"]).rules,
    ).toEqual([
      { target: "10.1.2.3/32", kind: "block", ports: [] },
      { target: "10.0.0.0/8", kind: "block", ports: tcp443 },
      { target: "fd00::/8", kind: "block", ports: tcp443 },
      { target: "example.org", kind: "name", ports: tcp443 },
      { target: "*.example.org", kind: "name", ports: [] },
    ] as ReturnType<typeof parseEgress>["rules"] as never);
  });
  test.each(["ex ample.org", "a.*.org", "http://example.org", "10.0.0.0/99", "-x.org", "x;y", ""])(
    "%p is refused",
    (rule) => expect(() => parseEgress([rule])).toThrow(),
  );
  test("an empty label closes everything", () => {
    expect(egressOfLabels({ "isle.egress.allow": "" })).toEqual({ rules: [] });
    expect(egressOfLabels({})).toBeUndefined();
  });
});

test("rates are bits per second", () => {
  expect([parseRate("500kbit"), parseRate("10Mbit"), parseRate("1.5gbit")]).toEqual([5e5, 1e7, 1.5e9]);
  for (const text of ["10", "10mb", "1bit", "-5mbit", ""]) expect(() => parseRate(text)).toThrow("invalid rate");
  expect(rateOfLabels({ "isle.network.rate-in": "1mbit" })).toEqual({ inBits: 1e6 });
});
