import { expect, test } from "bun:test";
import type { InstanceRecord } from "../../core/instance.ts";
import { planCopy } from "./plan-copy.ts";

const original: InstanceRecord = {
  id: "a".repeat(64),
  name: "web",
  createdAt: "2026-01-01T00:00:00Z",
  image: { id: "sha256:1", name: "busybox" },
  layers: ["sha256:2"],
  config: { Hostname: "web", MacAddress: "02:00:00:00:00:01", Env: ["A=1"] },
  host: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }], "81/tcp": null } },
  networks: { shop: { Aliases: ["www"], MacAddress: "02:00:00:00:00:02", IPAMConfig: { IPv4Address: "172.20.0.9" } } },
  mounts: [],
  state: { status: "created" },
  restartCount: 3,
  stoppedByHand: true,
};

test("a copy is made of the same, with a host name, addresses and host ports of its own", () => {
  const id = "b".repeat(64);
  expect(planCopy(original, id)).toEqual({
    id,
    purpose: "copy",
    image: original.image,
    layers: original.layers,
    config: { Hostname: id.slice(0, 12), Env: ["A=1"] },
    host: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }], "81/tcp": [] } },
    networks: { shop: { Aliases: ["www"] } },
    mounts: [],
    state: { status: "created" },
    restartCount: 0,
    stoppedByHand: false,
  });
});
