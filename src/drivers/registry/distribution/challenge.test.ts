import { expect, test } from "bun:test";
import { parseChallenges } from "./challenge.ts";

test("a bearer challenge gives its quoted parameters, commas included", () => {
  const header = 'Bearer realm="https://a.test/token",service="reg a",scope="repository:x:pull,push"';
  const parameters = { realm: "https://a.test/token", service: "reg a", scope: "repository:x:pull,push" };
  expect(parseChallenges(header)).toEqual([{ scheme: "bearer", parameters }]);
});

test("several challenges in one header are kept apart", () => {
  expect(parseChallenges('Basic realm="r \\"q\\"", Bearer realm=plain').map(({ scheme }) => scheme)).toEqual([
    "basic",
    "bearer",
  ]);
  expect(parseChallenges('Basic realm="r \\"q\\""')[0]!.parameters["realm"]).toBe('r "q"');
});

test("no header and nonsense give no challenge", () => {
  expect(parseChallenges(undefined)).toEqual([]);
  expect(parseChallenges("=,=")).toEqual([]);
});
