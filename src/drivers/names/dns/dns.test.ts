import { describe, expect, test } from "bun:test";
import { type Answer, decode, encode, type RecordType } from "dns-packet";
import type { NameAsker } from "../../../core/names.ts";
import { DnsCache } from "./cache.ts";
import { addressOfReverse, localAnswer } from "./local-answer.ts";
import { adapt, fitUdp, lifetime, parseQuery, type Query, ttlOffsets } from "./packet.ts";
import { FrameReader, frame } from "./tcp-frames.ts";

const query = (name: string, type: RecordType = "A", id = 7): Query =>
  parseQuery(encode({ type: "query", id, flags: 0x100, questions: [{ name, type }] }))!;
const response = (name: string, answers: Answer[], more: object = {}): Buffer =>
  encode({ type: "response", id: 9, flags: 0x180, questions: [{ name, type: "A" }], answers, ...more });
const a = (name: string, ttl: number, data = "192.0.2.1"): Answer => ({ type: "A", name, ttl, data });

const asker: NameAsker = {
  addresses: (name) => (name === "web" ? ["10.0.0.2", "10.0.0.3", "fd00::2"] : undefined),
  nameOf: (address) => (address === "10.0.0.2" ? "web.app" : address.startsWith("10.0.") ? "" : undefined),
  follows: () => false,
  learn: async () => {},
  servers: () => [],
};
const answered = (name: string, type: RecordType = "A") => {
  const packet = localAnswer(query(name, type), asker);
  return packet && decode(packet);
};

describe("answers about instances", () => {
  test("have all addresses of the family asked for, whatever the spelling", () => {
    const { answers } = answered("WEB")!;
    expect(answers!.map((each) => (each as { data: string }).data).sort()).toEqual(["10.0.0.2", "10.0.0.3"]);
    expect(answered("web", "AAAA")!.answers).toMatchObject([{ data: "fd00::2", ttl: 0 }]);
  });
  test("are empty for other types, and none for other names", () => {
    expect(answered("web", "MX")).toMatchObject({ answers: [], rcode: "NOERROR" } as object);
    expect(answered("elsewhere")).toBeUndefined();
  });
  test("lead from an address to a name; nobody's address of the network has none", () => {
    expect(answered("2.0.0.10.in-addr.arpa", "PTR")!.answers).toMatchObject([{ data: "web.app" }]);
    expect(answered("9.0.0.10.in-addr.arpa", "PTR")).toMatchObject({ rcode: "NXDOMAIN" } as object);
    expect(answered("1.2.0.192.in-addr.arpa", "PTR")).toBeUndefined();
  });
  test("reverse names of both families are read", () => {
    expect(addressOfReverse("1.0.17.172.in-addr.arpa")).toBe("172.17.0.1");
    expect(addressOfReverse(`2${".0".repeat(29)}.d.f.ip6.arpa`)).toBe("fd00::2");
    expect(addressOfReverse("999.0.17.172.in-addr.arpa")).toBeUndefined();
  });
});

describe("packets", () => {
  test("that are no queries are not read", () => {
    expect(parseQuery(Buffer.from("nonsense"))).toBeUndefined();
    expect(parseQuery(response("x", []))).toBeUndefined();
    expect(parseQuery(Buffer.alloc(12))).toBeUndefined();
    const whole = encode({ type: "query", id: 1, questions: [{ name: "web", type: "A" }] });
    for (let length = 0; length < whole.length; length += 1)
      expect(parseQuery(whole.subarray(0, length))).toBeUndefined();
  });
  test("too long for a datagram are cut to the question and say so", () => {
    const asked = query("big");
    const long = response(
      "big",
      Array.from({ length: 100 }, () => a("big", 5)),
    );
    const cut = fitUdp(asked, long);
    expect(decode(cut)).toMatchObject({ flag_tc: true, answers: [], questions: [{ name: "big" }] });
    expect(fitUdp(asked, response("big", [a("big", 5)])).length).toBeLessThan(512);
  });
  test("of others get the asker's id and spelling", () => {
    const adapted = decode(adapt(query("Some.Example", "A", 1234), response("some.example", [a("some.example", 5)])));
    expect(adapted.id).toBe(1234);
    expect(adapted.questions![0]!.name).toBe("Some.Example");
  });
  test("live as long as the least TTL, an absence as its zone says, a failure not at all", () => {
    expect(lifetime(response("x", [a("x", 60), a("x", 20)]))).toBe(20);
    const soa: Answer = {
      type: "SOA",
      name: "example",
      ttl: 300,
      data: { mname: "m", rname: "r", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 30 },
    };
    expect(lifetime(response("x", [], { flags: 0x183, authorities: [soa] }))).toBe(30);
    expect(lifetime(response("x", [], { flags: 0x183 }))).toBe(0);
    expect(lifetime(response("x", [a("x", 60)], { flags: 0x182 }))).toBe(0);
    expect(lifetime(response("x", [a("x", 60)], { flags: 0x380 }))).toBe(0);
  });
  test("know where their TTLs stand, those of pseudo records left out", () => {
    const packet = response("x", [a("x", 77), a("x", 78)], {
      additionals: [{ type: "OPT", name: ".", udpPayloadSize: 1232, flags: 0, options: [] }],
    });
    expect(ttlOffsets(packet).map((offset) => packet.readUInt32BE(offset))).toEqual([77, 78]);
  });
});

test("the cache gives what is left of a TTL and forgets afterwards", () => {
  let now = 0;
  const cache = new DnsCache(() => now);
  cache.put("k", response("x", [a("x", 10)]));
  now = 4000;
  expect(decode(cache.get("k")!).answers).toMatchObject([{ ttl: 6 }]);
  now = 10_000;
  expect(cache.get("k")).toBeUndefined();
  cache.put("k", response("x", [a("x", 0)]));
  expect(cache.get("k")).toBeUndefined();
});

test("frames are put together whatever pieces they come in", () => {
  const seen: string[] = [];
  const reader = new FrameReader((message) => seen.push(message.toString()));
  const bytes = Buffer.concat(["one", "", "three"].map((text) => frame(Buffer.from(text))));
  for (const byte of bytes) reader.push(Buffer.from([byte]));
  reader.push(bytes);
  expect(seen).toEqual(["one", "", "three", "one", "", "three"]);
});
