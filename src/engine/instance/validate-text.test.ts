import { expect, test } from "bun:test";
import type { ContainerConfig, HostConfig } from "../../api/generated/engine-api.ts";
import { validateText } from "./validate-text.ts";

const check = (host: HostConfig, config: ContainerConfig = {}) => validateText({ config, host, networks: {} });

test.each<[string, HostConfig, ContainerConfig]>([
  ["a host", { ExtraHosts: ["a\n6.6.6.6 bank:1.1.1.1"] }, {}],
  ["a resolver", { Dns: ["1.1.1.1\nnameserver 6.6.6.6"] }, {}],
  ["a resolver's name", { Dns: ["example.org"] }, {}],
  ["a search domain", { DnsSearch: ["a\nnameserver 6.6.6.6"] }, {}],
  ["a resolver option", { DnsOptions: ["ndots:1\nnameserver 6.6.6.6"] }, {}],
  ["a link", { Links: ["db:db\n6.6.6.6"] }, {}],
  ["a host name", {}, { Hostname: "a\nb" }],
  ["a domain name", {}, { Domainname: "a b" }],
  ["a cgroup parent", { CgroupParent: "../../x" }, {}],
  ["an annotation", { Annotations: { "run.oci.hooks.stdout": "/tmp/x" } }, {}],
])("%s that would be something else where it ends up is refused", (_, host, config) => {
  expect(() => check(host, config)).toThrow();
});

test("a MAC and an address of a network are looked at before anything is made", () => {
  const endpoint = (settings: object) => () => validateText({ config: {}, host: {}, networks: { bridge: settings } });
  expect(endpoint({ MacAddress: "zz" })).toThrow("invalid MAC address zz");
  expect(endpoint({ IPAMConfig: { IPv4Address: "1.2.3" } })).toThrow();
  expect(endpoint({ MacAddress: "02:42:ac:11:00:02", IPAMConfig: { IPv4Address: "172.17.0.9" } })).not.toThrow();
});

test("what people write passes", () => {
  const host: HostConfig = {
    ExtraHosts: ["db:10.0.0.1", "six:[::1]", "gate:host-gateway"],
    Dns: ["1.1.1.1", "2606:4700::1111"],
    DnsSearch: ["example.org", "."],
    DnsOptions: ["ndots:2"],
    Links: ["/db:database"],
    CgroupParent: "/machine.slice/a..b",
    Annotations: { "org.example.note": "two\nlines" },
  };
  expect(() => check(host, { Hostname: "my_host-1", Domainname: "example.org" })).not.toThrow();
});
