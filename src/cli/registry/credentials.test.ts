import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfigFile, writeConfigFile } from "../config-file.ts";
import type { Io } from "../io.ts";
import { authHeader, dockerHubKey } from "./credentials.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "isle-config-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const helper = (answer: { exitCode: number; stdout: string }): { io: Io; calls: string[] } => {
  const calls: string[] = [];
  const runProgram = (program: string, args: readonly string[], input: string) => {
    calls.push(`${program} ${args.join(" ")} < ${input}`);
    return Promise.resolve(answer);
  };
  return { io: { runProgram } as unknown as Io, calls };
};

const decode = (header: string | undefined) => JSON.parse(Buffer.from(header ?? "", "base64url").toString()) as unknown;
const basic = (text: string) => Buffer.from(text).toString("base64");

test("credentials are found by the image's registry", async () => {
  const { io } = helper({ exitCode: 1, stdout: "" });
  const config = { auths: { "r.example:5000": { auth: basic("me:pa:ss") }, [dockerHubKey]: { auth: basic("hub:x") } } };
  expect(decode(await authHeader("r.example:5000/a/b:1", config, io))).toEqual({
    username: "me",
    password: "pa:ss",
    serveraddress: "r.example:5000",
  });
  expect(decode(await authHeader("busybox", config, io))).toMatchObject({ username: "hub" });
  expect(await authHeader("other.example/x", config, io)).toBeUndefined();
});

test("a helper is asked, and its token kept apart from passwords", async () => {
  const { io, calls } = helper({ exitCode: 0, stdout: '{"Username":"<token>","Secret":"t"}' });
  expect(decode(await authHeader("r.example/x", { credHelpers: { "r.example": "safe" } }, io))).toEqual({
    identitytoken: "t",
    serveraddress: "r.example",
  });
  expect(calls).toEqual(["docker-credential-safe get < r.example"]);
});

test("a helper that knows nothing means no credentials, one that fails is an error", async () => {
  const nothing = helper({ exitCode: 1, stdout: "credentials not found in native keychain" });
  expect(await authHeader("r.example/x", { credsStore: "safe" }, nothing.io)).toBeUndefined();
  const broken = helper({ exitCode: 1, stdout: "locked" });
  await expect(authHeader("r.example/x", { credsStore: "safe" }, broken.io)).rejects.toThrow("locked");
});

test("the file is replaced whole, for its owner only, and keeps what others wrote", () => {
  writeFileSync(join(directory, "config.json"), '{"plugins":{"x":"y"}}', { mode: 0o644 });
  const file = readConfigFile(directory);
  writeConfigFile({ ...file, data: { ...file.data, auths: { r: { auth: "a" } } } });
  expect(JSON.parse(readFileSync(file.path, "utf8"))).toEqual({ plugins: { x: "y" }, auths: { r: { auth: "a" } } });
  expect(statSync(file.path).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(["config.json"]);
});

test("a missing file is empty, a broken one is named", () => {
  expect(readConfigFile(join(directory, "none")).data).toEqual({});
  writeFileSync(join(directory, "config.json"), "{");
  expect(() => readConfigFile(directory)).toThrow(`cannot read ${directory}/config.json`);
});
