import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { isCode, messageOf } from "../../src/base/error.ts";
import { logIn } from "../../src/engine/image/log-in.ts";
import { pullImage } from "../../src/engine/image/pull-image.ts";
import { pushImage } from "../../src/engine/image/push-image.ts";
import { addTestImage, failureOf, withImageEngine } from "../support/image-engine.ts";
import { startRegistry, type TestRegistry, testIdentityToken, testUser } from "../support/registry.ts";

const user = { username: testUser.name, password: testUser.password };

describe("with a registry behind TLS and a password", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ tls: true, auth: "basic" });
  });
  afterAll(() => registry.close());

  test("the right password pushes and pulls; a wrong one and none are refused", () =>
    withImageEngine(
      async (engine) => {
        const name = `${registry.host}/secret`;
        await addTestImage(engine, `${name}:1`, [1000]);
        await pushImage(engine, { name, tag: "1", credentials: user, report: () => {} });
        await pullImage(engine, { name, tag: "1", credentials: user, report: () => {} });
        for (const credentials of [undefined, { username: "ann", password: "wrong-word" }]) {
          const error = await failureOf(pullImage(engine, { name, tag: "1", credentials, report: () => {} }));
          expect(messageOf(error)).toStartWith(
            `pull access denied for ${name}, repository does not exist or may require`,
          );
          expect(messageOf(error)).not.toContain("wrong-word");
          const refused = await failureOf(pushImage(engine, { name, tag: "1", credentials, report: () => {} }));
          expect(isCode(refused, "unauthorized")).toBe(true);
        }
      },
      { certsDirs: [registry.certsDir] },
    ));

  test("login accepts the right password and refuses a wrong one", () =>
    withImageEngine(
      async (engine) => {
        const request = { serverAddress: registry.host, credentials: user };
        expect(await logIn(engine, request)).toEqual({ identityToken: "" });
        const error = await failureOf(
          logIn(engine, { ...request, credentials: { username: "ann", password: "wrong-word" } }),
        );
        expect(isCode(error, "unauthorized")).toBe(true);
        expect(messageOf(error)).not.toContain("wrong-word");
      },
      { certsDirs: [registry.certsDir] },
    ));
});

describe("with a registry that wants tokens", () => {
  let registry: TestRegistry;
  beforeAll(async () => {
    registry = await startRegistry({ auth: "token" });
  });
  afterAll(() => registry.close());

  test("tokens for the right scopes are got with a password, and again with an identity token", () =>
    withImageEngine(async (engine) => {
      const name = `${registry.host}/tokened`;
      await addTestImage(engine, `${name}:1`, [1000, 2000]);
      await pushImage(engine, { name, tag: "1", credentials: user, report: () => {} });
      expect(registry.tokens!.requests.some((line) => line.includes("repository%3Atokened%3Apull%2Cpush"))).toBe(true);
      const login = await logIn(engine, { serverAddress: registry.host, credentials: user });
      expect(login.identityToken).toBe(testIdentityToken);
      const credentials = { identityToken: login.identityToken };
      await pullImage(engine, { name, tag: "1", credentials, report: () => {} });
      expect(registry.tokens!.requests.at(-1)).toBe("POST /token");
    }));

  test("a wrong password is refused without repeating it", () =>
    withImageEngine(async (engine) => {
      const credentials = { username: "ann", password: "wrong-word" };
      const error = await failureOf(
        pullImage(engine, { name: `${registry.host}/tokened`, tag: "1", credentials, report: () => {} }),
      );
      expect(messageOf(error)).toContain("pull access denied");
      expect(messageOf(error)).not.toContain("wrong-word");
    }));
});
