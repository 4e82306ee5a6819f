import { expect, test } from "bun:test";
import { isInsecure, ownEndpoints, pullEndpoints } from "./endpoints.ts";

const bases = (endpoints: Array<{ base: string }>): string[] => endpoints.map(({ base }) => base);

test("mirrors serve docker.io only, in order, before the registry itself", () => {
  const options = { mirrors: ["https://one.test/", "http://two.test:5000/cache"] };
  expect(bases(pullEndpoints("docker.io", options))).toEqual([
    "https://one.test",
    "http://two.test:5000/cache",
    "https://registry-1.docker.io",
  ]);
  expect(bases(pullEndpoints("quay.test", options))).toEqual(["https://quay.test"]);
});

test("a mirror that is no plain URL is refused", () => {
  expect(() => pullEndpoints("docker.io", { mirrors: ["one.test"] })).toThrow("invalid mirror");
  expect(() => pullEndpoints("docker.io", { mirrors: ["https://u:p@one.test"] })).toThrow("invalid mirror");
});

test("an insecure registry is tried over https first", () => {
  expect(bases(ownEndpoints("localhost:5000", {}))).toEqual(["https://localhost:5000", "http://localhost:5000"]);
});

const rules: Array<[host: string, insecureRegistries: string[], insecure: boolean]> = [
  ["localhost", [], true],
  ["127.0.0.9:5000", [], true],
  ["[::1]:5000", [], true],
  ["localhost.evil.test", [], false],
  ["10.1.2.3:5000", [], false],
  ["10.1.2.3:5000", ["10.0.0.0/8"], true],
  ["reg.test:5000", ["reg.test:5000"], true],
  ["reg.test:5001", ["reg.test:5000"], false],
  ["reg.test:5001", ["reg.test"], true],
];
for (const [host, insecureRegistries, insecure] of rules) {
  test(`${host} is ${insecure ? "" : "not "}insecure with [${insecureRegistries}]`, () => {
    expect(isInsecure(host, { insecureRegistries })).toBe(insecure);
  });
}
