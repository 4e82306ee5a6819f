import { expect, test } from "bun:test";
import { checkIsolation, checkNetworkCount } from "./isolation-limits.ts";

test("what a sandbox cannot do is refused by name", () => {
  expect(() => checkIsolation({ NetworkMode: "host" }, "sandbox")).toThrow("cannot use the network of the host");
  expect(() => checkIsolation({ PidMode: "host" }, "sandbox")).toThrow("share processes with others (--pid host)");
  expect(() => checkIsolation({ Devices: [{ PathOnHost: "/dev/null" }] }, "sandbox")).toThrow("--device");
});

test("a container is limited by nothing of it", () => {
  expect(checkIsolation({ NetworkMode: "host", PidMode: "host", Privileged: true }, "container")).toEqual([]);
});

test("what has no effect in a sandbox is told", () => {
  expect(checkIsolation({ SecurityOpt: ["seccomp=/profile.json"], Privileged: true }, "sandbox")).toEqual([
    "gVisor answers system calls itself. Seccomp profile discarded.",
    "gVisor gives no devices of the host to privileged containers.",
  ]);
});

test("a microVM is on few networks", () => {
  const nine = [..."abcdefghi"];
  checkNetworkCount("microvm", [...nine.slice(1), "b"]);
  checkNetworkCount("container", nine);
  expect(() => checkNetworkCount("microvm", nine)).toThrow("cannot be on more than 8 networks, not on 9");
});
