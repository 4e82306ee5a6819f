import { expect, test } from "bun:test";
import { parseRegistryAuth, parseRegistryConfig } from "./registry-auth.ts";

const encode = (value: unknown, alphabet: "base64" | "base64url" = "base64url"): string =>
  Buffer.from(JSON.stringify(value)).toString(alphabet);

test("user name and password are read in both alphabets", () => {
  const value = { username: "ann", password: "p?>~é", serveraddress: "r.test" };
  for (const alphabet of ["base64", "base64url"] as const) {
    const { serveraddress: serverAddress, ...rest } = value;
    expect(parseRegistryAuth(encode(value, alphabet))).toEqual({ ...rest, serverAddress });
  }
});

test("the joined form and tokens are read", () => {
  const auth = Buffer.from("ann:a:b").toString("base64");
  expect(parseRegistryAuth(encode({ auth }))).toEqual({ username: "ann", password: "a:b" });
  expect(parseRegistryAuth(encode({ identitytoken: "t" }))).toEqual({ identityToken: "t" });
  expect(parseRegistryAuth(encode({ registrytoken: "t" }))).toEqual({ registryToken: "t" });
});

test("an absent header and an empty object are no credentials", () => {
  for (const header of [undefined, "", encode({}), encode(null)]) expect(parseRegistryAuth(header)).toBeUndefined();
});

test("what cannot be read is refused without being repeated", () => {
  expect(() => parseRegistryAuth("c2VjcmV0")).toThrow(/^invalid X-Registry-Auth header/);
  expect(() => parseRegistryAuth("c2VjcmV0")).not.toThrow(/c2VjcmV0/);
});

test("X-Registry-Config holds credentials by registry", () => {
  expect(parseRegistryConfig(encode({ "r.test": { username: "ann", password: "p" } }))).toEqual({
    "r.test": { username: "ann", password: "p" },
  });
});
