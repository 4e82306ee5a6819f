import { expect, test } from "bun:test";
import { chooseHost, parseHost } from "./host.ts";

const flags = { host: "", tls: false, tlsverify: false, tlscacert: "", tlscert: "", tlskey: "" };

test("the flag wins over ISLE_HOST, that over DOCKER_HOST, that over the default", () => {
  const env = { ISLE_HOST: "unix:///i", DOCKER_HOST: "unix:///d" };
  expect(chooseHost({ ...flags, host: "unix:///f" }, env)).toBe("unix:///f");
  expect(chooseHost(flags, env)).toBe("unix:///i");
  expect(chooseHost(flags, { DOCKER_HOST: "unix:///d" })).toBe("unix:///d");
  expect(chooseHost(flags, {})).toBe("unix:///run/isle/isle.sock");
});

test("addresses are read with their ports", () => {
  const parse = (host: string) => parseHost(host, flags, {}, "/c");
  expect(parse("unix:///x")).toEqual({ kind: "unix", path: "/x" });
  expect(parse("tcp://h:5")).toEqual({ kind: "tcp", host: "h", port: 5, tls: undefined });
  expect(parse("tcp://h")).toMatchObject({ port: 2375 });
  expect(parse("tcp://[::1]:7")).toMatchObject({ host: "::1", port: 7 });
  expect(() => parse("ssh://h")).toThrow('invalid host "ssh://h"');
});

test("TLS takes its files from DOCKER_CERT_PATH and checks the server when asked", () => {
  const env = { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: "/certs" };
  expect(parseHost("tcp://h", flags, env, "/c")).toEqual({
    kind: "tcp",
    host: "h",
    port: 2376,
    tls: { ca: "/certs/ca.pem", cert: "/certs/cert.pem", key: "/certs/key.pem", verify: true },
  });
});
