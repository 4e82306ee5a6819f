import { describe, expect, test } from "bun:test";
import type { Endpoint } from "../../../core/instance.ts";
import type { NetworkRecord } from "../../../core/network.ts";
import type { NetworkPolicy, PortMatch } from "../../../core/network-policy.ts";
import { memberChange, policyBlocks } from "./policy-rules.ts";

const network = (policy?: NetworkPolicy): NetworkRecord => ({
  id: "00112233445566778899",
  name: "app",
  driver: "bridge",
  createdAt: "",
  bridge: "br0",
  pools: [{ subnet: "10.0.0.0/24", gateway: "10.0.0.1" }],
  labels: {},
  options: {},
  internal: false,
  attachable: false,
  predefined: false,
  ...(policy && { policy }),
});
const endpoint = (address: string, tags: string[], more: Partial<Endpoint> = {}): Endpoint => ({
  networkId: network().id,
  networkName: "app",
  endpointId: "aabbccddeeff00112233",
  interface: "eth0",
  hostInterface: "veth0",
  address,
  prefixLength: 24,
  gateway: "10.0.0.1",
  address6: "",
  prefixLength6: 0,
  gateway6: "",
  mac: "",
  gatewayPriority: 0,
  tags,
  ports: [],
  ...more,
});
const tcp = (first: number, last = first): PortMatch => ({ protocol: "tcp", first, last });
const text = (networks: NetworkRecord[], endpoints: Endpoint[] = [], learned = new Map()) =>
  policyBlocks({ networks, endpoints, learned }).join("\n");

describe("rules inside a network", () => {
  const inside = {
    otherwise: "deny" as const,
    rules: [
      { verdict: "allow" as const, from: "web", to: "db", ports: [tcp(5432), tcp(80, 90), tcp(85, 95)] },
      { verdict: "deny" as const, from: "*", to: "label=tier", ports: [] },
    ],
  };
  test("are without effect where there are none", () => {
    expect(text([network()])).toContain('"br0" . "br0" : accept');
  });
  test("name members by sets, so that a rule stays one rule", () => {
    const rules = text([network({ inside })], [endpoint("10.0.0.2", ["web"]), endpoint("10.0.0.3", ["web", "www"])]);
    expect(rules).toContain('"br0" . "br0" : goto inside_0011223344556677');
    expect(rules.match(/set who_0011223344556677_0_4[^}]*elements = \{([^}]*)\}/)?.[1]).toBe(" 10.0.0.2, 10.0.0.3 ");
    expect(rules).toContain(
      "meta nfproto ipv4 ip saddr @who_0011223344556677_0_4 ip daddr @who_0011223344556677_1_4 meta l4proto tcp th dport { 80-95, 5432 } accept",
    );
    expect(rules).toContain("meta nfproto ipv4 ip daddr @who_0011223344556677_2_4 goto denied");
  });
  test("end with what is to happen to the rest", () => {
    const chain = text([network({ inside })])
      .split("chain inside_0011223344556677 {")[1]!
      .split("}\n")[0]!;
    expect(chain.trim().endsWith("goto denied")).toBe(true);
  });
  test("get the address of who comes, by name, alias or label, and lose it with who goes", () => {
    const one = { endpoint: endpoint("10.0.0.9", ["db", "label=tier=back"]), network: network({ inside }) };
    expect(memberChange("isle", "add", one)).toBe(
      "add element inet isle who_0011223344556677_1_4 { 10.0.0.9 }\n" +
        "add element inet isle who_0011223344556677_2_4 { 10.0.0.9 }\n",
    );
    expect(memberChange("isle", "delete", one)).toContain("delete element inet isle who_0011223344556677_1_4");
    expect(memberChange("isle", "add", { ...one, network: network() })).toBe("");
  });
});

describe("allow-lists", () => {
  const egress = {
    rules: [
      { target: "10.8.0.0/16", kind: "block" as const, ports: [tcp(443)] },
      { target: "example.org", kind: "name" as const, ports: [] },
    ],
  };
  test("of a network hang on its bridge, of an instance on its address", () => {
    expect(text([network({ egress })])).toContain('"br0" : jump out_0011223344556677');
    const own = text([network()], [endpoint("10.0.0.5", [], { egress })]);
    expect(own).toContain("10.0.0.5 : jump out_aabbccddeeff0011");
    expect(own).not.toContain('"br0" : jump');
  });
  test("let through what they name and end with a refusal", () => {
    const rules = text([network({ egress })]);
    expect(rules).toContain("ip daddr 10.8.0.0/16 meta l4proto tcp th dport { 443 } return");
    expect(rules).toContain("ip daddr @names_0011223344556677_1_4 return");
    expect(rules.split("chain out_0011223344556677 {")[1]!.split("}\n")[0]).toContain("goto denied");
  });
  test("keep learned addresses when the table is written anew", () => {
    const learned = new Map([["names_0011223344556677_1_4", [{ address: "192.0.2.9", secondsLeft: 77 }]]]);
    expect(text([network({ egress })], [], learned)).toContain("elements = { 192.0.2.9 timeout 77s }");
  });
});
