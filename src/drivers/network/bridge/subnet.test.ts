import { expect, test } from "bun:test";
import { formatSubnet, parseSubnet } from "../../../base/ipv4.ts";
import { AddressLeases, macOf } from "./addresses.ts";
import { chooseSubnet, defaultPools, parseRoutes } from "./subnet.ts";

test("a subnet is chosen that overlaps no live route", () => {
  const inUse = ["172.16.0.0/15", "172.18.5.0/24"].map(parseSubnet);
  expect(chooseSubnet(defaultPools, inUse)).toBe("172.20.0.0/16");
});
test("exhausted pools are told", () => {
  expect(() => chooseSubnet([{ base: "10.0.0.0/24", size: 25 }], [parseSubnet("10.0.0.0/8")])).toThrow(
    "fully subnetted",
  );
});
test("routes are read in the kernel's byte order, the default route left out", () => {
  const head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
  const rows =
    "eth0\t00000000\t0101A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\neth0\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
  expect(parseRoutes(head + rows).map(formatSubnet)).toEqual(["192.168.1.0/24"]);
});
test("addresses are given in turn, the gateway, the ends and taken ones never", () => {
  const leases = new AddressLeases("10.0.0.0/29", "10.0.0.1");
  expect(leases.takeFixed("10.0.0.3")).toBe("10.0.0.3");
  expect([1, 2, 3, 4].map(() => leases.take())).toEqual(["10.0.0.2", "10.0.0.4", "10.0.0.5", "10.0.0.6"]);
  expect(() => leases.take()).toThrow("no available IPv4 addresses");
  leases.release("10.0.0.4");
  expect(leases.take()).toBe("10.0.0.4");
});
test("a fixed address outside the subnet or in use is refused", () => {
  const leases = new AddressLeases("10.0.0.0/24", "10.0.0.1");
  expect(() => leases.takeFixed("10.1.0.5")).toThrow("no configured subnet contains");
  expect(() => leases.takeFixed("10.0.0.1")).toThrow("Address already in use");
});
test("a MAC follows its address", () => expect(macOf("172.17.0.2")).toBe("02:42:ac:11:00:02"));
