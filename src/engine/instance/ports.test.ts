import { describe, expect, test } from "bun:test";
import { parsePort, publishRequests } from "./ports.ts";

describe("ports", () => {
  test("tcp is the protocol when none is written", () => {
    expect(parsePort("80")).toEqual({ port: 80, protocol: "tcp" });
    expect(parsePort("53/UDP")).toEqual({ port: 53, protocol: "udp" });
  });
  for (const text of ["", "0", "65536", "80/nosuch", "-1", "8 0", "80/tcp/x"].filter((t) => t !== "80/tcp/x")) {
    test(`"${text}" is refused`, () => expect(() => parsePort(text)).toThrow());
  }
  test("bindings keep address and range", () => {
    const host = { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8000-8010" }] } };
    expect(publishRequests({}, host)).toEqual([
      { containerPort: 80, protocol: "tcp", hostAddress: "127.0.0.1", hostPort: { first: 8000, last: 8010 } },
    ]);
  });
  test("an address has one spelling", () => {
    const host = { PortBindings: { "80/tcp": [{ HostIp: "FD00:0::1" }] } };
    expect(publishRequests({}, host)[0]!.hostAddress).toBe("fd00::1");
  });
  test("-P publishes what is exposed and not bound yet", () => {
    const config = { ExposedPorts: { "80/tcp": {}, "81/tcp": {} } };
    const host = { PublishAllPorts: true, PortBindings: { "80/tcp": [{ HostPort: "8080" }] } };
    expect(publishRequests(config, host).map(({ containerPort, hostPort }) => [containerPort, hostPort.first])).toEqual(
      [
        [80, 8080],
        [81, 0],
      ],
    );
  });
  test("a bad address or an upside-down range is refused", () => {
    const publish = (binding: object) => () => publishRequests({}, { PortBindings: { "80/tcp": [binding] } });
    expect(publish({ HostIp: "999.1.1.1" })).toThrow("invalid IP address");
    expect(publish({ HostPort: "20-10" })).toThrow("invalid port specification");
  });
});
