import { describe, expect, test } from "bun:test";
import type { Endpoint } from "../../../core/instance.ts";
import type { NetworkRecord } from "../../../core/network.ts";
import { type Forward, forwardChange, tableRules } from "./rules.ts";

const network: NetworkRecord = {
  id: "n",
  name: "bridge",
  driver: "bridge",
  createdAt: "",
  bridge: "isle0",
  pools: [
    { subnet: "172.17.0.0/16", gateway: "172.17.0.1" },
    { subnet: "fd00::/64", gateway: "fd00::1" },
  ],
  labels: {},
  options: {},
  internal: false,
  attachable: false,
  predefined: true,
};
const forward = (hostAddress: string): Forward => ({
  family: 4,
  containerPort: 80,
  protocol: "tcp",
  hostAddress,
  hostPort: 8080,
  address: "172.17.0.2",
  routed: false,
});

const endpoint: Endpoint = {
  networkId: "n",
  networkName: "bridge",
  endpointId: "e",
  interface: "eth0",
  hostInterface: "veth0",
  address: "172.17.0.2",
  prefixLength: 16,
  gateway: "172.17.0.1",
  address6: "",
  prefixLength6: 0,
  gateway6: "",
  mac: "",
  gatewayPriority: 0,
  tags: [],
  ports: [],
};
const plan = (networks: NetworkRecord[], endpoints: Endpoint[] = []) => ({
  networks,
  endpoints,
  learned: new Map(),
  namePorts: [],
});

describe("the table", () => {
  test("is replaced in one transaction, whether it was there or not", () => {
    expect(tableRules("isle", plan([])).split("\n").slice(0, 3)).toEqual([
      "table inet isle",
      "delete table inet isle",
      "table inet isle {",
    ]);
  });
  test("has one look-up rule however many ports are published", () => {
    const ports = Array.from({ length: 500 }, (_, i) => ({ ...forward(""), hostPort: 1000 + i }));
    const rules = (endpoints: Endpoint[]) => tableRules("isle", plan([network], endpoints)).match(/dnat ip6? to/g);
    expect(rules([{ ...endpoint, ports }])).toEqual(rules([]));
  });
  test("has as many rules of the forward path for many networks as for one", () => {
    const many = Array.from({ length: 50 }, (_, i) => ({ ...network, id: `n${i}`, bridge: `br${i}` }));
    const chain = (networks: NetworkRecord[]) => tableRules("isle", plan(networks)).split("chain forward")[1];
    expect(chain(many)).toBe(chain([network]));
  });
  test("a network reaches out with another address, an internal one does not", () => {
    const outside = tableRules("isle", plan([network]));
    expect(outside).toContain('oifname != "isle0" masquerade');
    expect(outside).toContain("172.17.0.0/16 : goto from_n");
    expect(outside).toContain("fd00::/64 : goto from_n");
    const inside = tableRules("isle", plan([{ ...network, internal: true }]));
    expect(inside).not.toContain('oifname != "isle0" masquerade');
    expect(inside.split("set closed")[1]).toContain('elements = { "isle0" }');
  });
});

describe("a change of published ports", () => {
  test("on all addresses and on one go to different maps", () => {
    expect(forwardChange("isle", "add", [forward(""), forward("10.0.0.1")])).toBe(
      "add element inet isle ports4 { tcp . 8080 : 172.17.0.2 . 80 }\n" +
        "add element inet isle addressed4 { 10.0.0.1 . tcp . 8080 : 172.17.0.2 . 80 }\n",
    );
  });
  test("removal names the key alone", () => {
    expect(forwardChange("isle", "delete", [forward("0.0.0.0")])).toBe(
      "delete element inet isle ports4 { tcp . 8080 }\n",
    );
  });
});
