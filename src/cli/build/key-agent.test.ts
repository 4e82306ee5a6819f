import { expect, test } from "bun:test";
import { createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import { answer } from "./key-agent.ts";
import { readSshKey } from "./ssh-key.ts";
import { WireReader, wireNumber, wireString } from "./ssh-wire.ts";

const pem = (key: { export(options: object): string | Buffer }): string =>
  key.export({ type: "pkcs8", format: "pem" }).toString();

test("a key in PEM signs what its public half verifies", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const key = readSshKey(pem(privateKey));
  const data = Buffer.from("to be signed");
  const request = Buffer.concat([Buffer.from([13]), wireString(key.publicKey), wireString(data), wireNumber(0)]);
  const reader = new WireReader(answer(request, [key]));
  expect(reader.take(1)[0]).toBe(14);
  const signature = new WireReader(reader.string());
  expect(signature.string().toString()).toBe("ssh-ed25519");
  expect(verify(null, data, createPublicKey(spki(publicKey)), signature.string())).toBe(true);
});

const spki = (key: { export(options: object): string | Buffer }): string =>
  key.export({ type: "spki", format: "pem" }).toString();

test("an agent signs with none but its own keys, and answers nonsense with a failure", () => {
  const [own, other] = [0, 1].map(() => readSshKey(pem(generateKeyPairSync("ed25519").privateKey)));
  const request = Buffer.concat([Buffer.from([13]), wireString(other!.publicKey), wireString("x"), wireNumber(0)]);
  for (const each of [request, Buffer.from([13, 0, 0]), Buffer.from([17]), Buffer.alloc(0)]) {
    expect(answer(each, [own!])).toEqual(Buffer.from([5]));
  }
});

test("what is no key, and a key that is locked, are told", () => {
  expect(() => readSshKey("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----")).toThrow();
  expect(() => readSshKey("-----BEGIN ENCRYPTED PRIVATE KEY-----\nx")).toThrow("ssh-add");
});
