import { describe, expect, test } from "bun:test";
import type { NetworkRecord } from "../../../core/network.ts";
import { type Forward, forwardChange, tableRules } from "./rules.ts";

const network: NetworkRecord = {
  id: "n",
  name: "bridge",
  driver: "bridge",
  createdAt: "",
  bridge: "isle0",
  subnet: "172.17.0.0/16",
  gateway: "172.17.0.1",
  labels: {},
  options: {},
  internal: false,
  attachable: false,
  predefined: true,
};
const forward = (hostAddress: string): Forward => ({
  containerPort: 80,
  protocol: "tcp",
  hostAddress,
  hostPort: 8080,
  address: "172.17.0.2",
});

describe("the table", () => {
  test("is replaced in one transaction, whether it was there or not", () => {
    expect(tableRules("isle", [], []).split("\n").slice(0, 3)).toEqual([
      "table ip isle",
      "delete table ip isle",
      "table ip isle {",
    ]);
  });
  test("has one look-up rule however many ports are published", () => {
    const many = Array.from({ length: 500 }, (_, i) => ({ ...forward(""), hostPort: 1000 + i }));
    expect(tableRules("isle", [network], many).match(/dnat ip to/g)).toHaveLength(2);
  });
  test("a network reaches out, an internal one does not", () => {
    expect(tableRules("isle", [network], [])).toContain('ip saddr 172.17.0.0/16 oifname != "isle0" masquerade');
    const inside = tableRules("isle", [{ ...network, internal: true }], []);
    expect(inside).not.toContain('oifname != "isle0" masquerade');
    expect(inside).toContain('iifname "isle0" oifname != "isle0" drop');
  });
  test("from elsewhere only a published port leads in", () => {
    const rules = tableRules("isle", [network], []).split("\n");
    const accepts = rules.findIndex((rule) => rule.includes('oifname "isle0" ct status dnat accept'));
    const drops = rules.findIndex((rule) => rule.includes('iifname != "isle0" oifname "isle0" drop'));
    expect(accepts).toBeGreaterThan(0);
    expect(drops).toBeGreaterThan(accepts);
  });
});

describe("a change of published ports", () => {
  test("on all addresses and on one go to different maps", () => {
    expect(forwardChange("isle", "add", [forward(""), forward("10.0.0.1")])).toBe(
      "add element ip isle ports { tcp . 8080 : 172.17.0.2 . 80 }\n" +
        "add element ip isle addressed { 10.0.0.1 . tcp . 8080 : 172.17.0.2 . 80 }\n",
    );
  });
  test("removal names the key alone", () => {
    expect(forwardChange("isle", "delete", [forward("0.0.0.0")])).toBe("delete element ip isle ports { tcp . 8080 }\n");
  });
});
