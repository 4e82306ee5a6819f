import { expect, test } from "bun:test";
import { parseBlock } from "../../../base/ip.ts";
import { AddressLeases, macOf } from "./addresses.ts";
import { parseRoutes, parseRoutes6 } from "./routes.ts";
import { chooseSubnet, defaultPools } from "./subnet.ts";

test("a subnet is chosen that overlaps no live route", () => {
  const inUse = ["172.16.0.0/15", "172.18.5.0/24"].map(parseBlock);
  expect(chooseSubnet(defaultPools, 4, inUse)).toBe("172.20.0.0/16");
  const pools = [...defaultPools, { base: "fd00:1:2::/48", size: 64 }];
  expect(chooseSubnet(pools, 6, [parseBlock("fd00:1:2::/64")])).toBe("fd00:1:2:1::/64");
});
test("exhausted pools are told", () => {
  expect(() => chooseSubnet([{ base: "10.0.0.0/24", size: 25 }], 4, [parseBlock("10.0.0.0/8")])).toThrow(
    "fully subnetted",
  );
});
test("routes are read in the kernel's byte order, the default route left out", () => {
  const head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
  const rows =
    "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
  expect(parseRoutes(head + rows)).toEqual([{ device: "eth0", block: parseBlock("192.168.1.0/24") }]);
});
test("of IPv6 routes the default, the link's own and those of single addresses are left out", () => {
  const row = (destination: string, bits: string) => `${destination} ${bits} ${"0".repeat(32)} 00 x eth0`;
  const rows = [
    row("0".repeat(32), "00"),
    row(`fe80${"0".repeat(28)}`, "40"),
    row(`fd000001${"0".repeat(24)}`, "40"),
    row(`${"0".repeat(31)}1`, "80"),
  ];
  expect(parseRoutes6(rows.join("\n"))).toEqual([{ device: "eth0", block: parseBlock("fd00:1::/64") }]);
});
test("addresses are given in turn, the gateway, the ends and taken ones never", () => {
  const leases = new AddressLeases([{ subnet: "10.0.0.0/29", gateway: "10.0.0.1" }]);
  const take = () => leases.take([])[0]!.address;
  expect(leases.takeFixed("10.0.0.3")).toEqual({ address: "10.0.0.3", prefixLength: 29, gateway: "10.0.0.1" });
  expect([1, 2, 3, 4].map(take)).toEqual(["10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
  expect(take).toThrow("no available IPv4 addresses");
  leases.release("10.0.0.4");
  expect(take()).toBe("10.0.0.4");
});
test("addresses come out of the range, reserved ones never, and of each family one", () => {
  const leases = new AddressLeases([
    { subnet: "10.0.0.0/24", gateway: "10.0.0.1", range: "10.0.0.128/30", reserved: { router: "10.0.0.129" } },
    { subnet: "fd00::/64", gateway: "fd00::1" },
  ]);
  const take = (...wanted: string[]) => leases.take(wanted).map(({ address }) => address);
  expect(take()).toEqual(["10.0.0.128", "fd00::2"]);
  expect(take("10.0.0.5")).toEqual(["10.0.0.5", "fd00::3"]);
  expect(take()).toEqual(["10.0.0.130", "fd00::4"]);
});
test("a second subnet is used when the first is full", () => {
  const leases = new AddressLeases([
    { subnet: "10.0.0.0/30", gateway: "10.0.0.1" },
    { subnet: "10.0.1.0/30", gateway: "10.0.1.1" },
  ]);
  expect([leases.take([]), leases.take([])].flat().map(({ address }) => address)).toEqual(["10.0.0.2", "10.0.1.2"]);
});
test("when one of two families fails, nothing is taken of the other", () => {
  const leases = new AddressLeases([
    { subnet: "10.0.0.0/24", gateway: "10.0.0.1" },
    { subnet: "fd00::/64", gateway: "fd00::1" },
  ]);
  expect(() => leases.take(["10.0.0.9", "fd00::1"])).toThrow("Address already in use");
  expect(leases.takeFixed("10.0.0.9").address).toBe("10.0.0.9");
});
test("a fixed address outside the subnet or in use is refused", () => {
  const leases = new AddressLeases([{ subnet: "10.0.0.0/24", gateway: "10.0.0.1" }]);
  expect(() => leases.takeFixed("10.1.0.5")).toThrow("no configured subnet contains");
  expect(() => leases.takeFixed("10.0.0.1")).toThrow("Address already in use");
  expect(() => leases.take(["fd00::1"])).toThrow("no configured subnet contains");
});
test("a MAC follows its address", () => expect(macOf("172.17.0.2")).toBe("02:42:ac:11:00:02"));
