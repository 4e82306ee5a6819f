import { expect, test } from "bun:test";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { isCode, messageOf } from "../../../base/error.ts";
import { createDistributionRegistry } from "./distribution-registry.ts";

const user = { username: "ann", password: "secret-word" };
const digest = `sha256:${"a".repeat(64)}` as const;
const image = { schemaVersion: 2, config: {}, layers: [] };

async function withServers<T>(listeners: RequestListener[], work: (hosts: string[]) => Promise<T>): Promise<T> {
  const servers = listeners.map((listener) => createServer(listener).listen(0, "127.0.0.1"));
  try {
    await Promise.all(
      servers.map((each) => new Promise((resolve) => (each.listening ? resolve(0) : each.once("listening", resolve)))),
    );
    return await work(servers.map((each) => `127.0.0.1:${(each.address() as AddressInfo).port}`));
  } finally {
    for (const each of servers) {
      each.closeAllConnections();
      each.close();
    }
  }
}

/** What asking `listener` for a manifest fails with. */
async function manifestFailure(listener: RequestListener, reference: string = "latest"): Promise<unknown> {
  return withServers([listener], async ([host]) => {
    const client = createDistributionRegistry({ certsDirs: [], retryDelayMs: 1, maxAttempts: 3 });
    const found = client.repository(host!, "app", user).manifest(reference);
    return found
      .then(
        () => undefined,
        (error: unknown) => error,
      )
      .finally(() => client.close());
  });
}

const sendJson = (response: ServerResponse, body: unknown, type = "application/json"): void => {
  response.writeHead(200, { "Content-Type": type });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
};

test("a redirect loop ends", async () => {
  let requests = 0;
  const error = await manifestFailure((_, response) => {
    requests += 1;
    response.writeHead(307, { Location: "/v2/app/manifests/again" }).end();
  });
  expect(messageOf(error)).toContain("redirected more than");
  expect(requests).toBeLessThan(10);
});

test("credentials do not follow a redirect to another host", async () => {
  const seen: Array<string | undefined> = [];
  const storage = (request: IncomingMessage, response: ServerResponse): void => {
    seen.push(request.headers.authorization);
    response.end("bytes");
  };
  let elsewhere = "";
  const front = (request: IncomingMessage, response: ServerResponse): void => {
    if (!request.headers.authorization) {
      response.writeHead(401, { "WWW-Authenticate": 'Basic realm="x"' }).end();
      return;
    }
    response.writeHead(307, { Location: `http://${elsewhere}/blob` }).end();
  };
  await withServers([front, storage], async ([host, other]) => {
    elsewhere = other!;
    const client = createDistributionRegistry({ certsDirs: [] });
    const body = await client.repository(host!, "app", user).blob(digest);
    expect(Buffer.concat(await body.toArray()).toString()).toBe("bytes");
    client.close();
  });
  expect(seen).toEqual([undefined]);
});

test("a token realm elsewhere over http gets no credentials", async () => {
  const error = await manifestFailure((_, response) => {
    response.writeHead(401, { "WWW-Authenticate": 'Bearer realm="http://tokens.example.test/t",service="s"' }).end();
  });
  expect(messageOf(error)).toContain("not secure");
  expect(messageOf(error)).not.toContain("secret-word");
});

test("a registry that always asks for a password is asked twice only", async () => {
  let requests = 0;
  const error = await manifestFailure((_, response) => {
    requests += 1;
    response.writeHead(401, { "WWW-Authenticate": 'Basic realm="x"' }).end();
  });
  expect(isCode(error, "unauthorized")).toBe(true);
  expect(requests).toBe(2);
});

test("a manifest that never ends is cut off", async () => {
  const error = await manifestFailure((_, response) => {
    response.writeHead(200, { "Content-Type": "application/vnd.oci.image.manifest.v1+json" });
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(1 << 16, " ")));
    };
    response.on("drain", more);
    more();
  });
  expect(isCode(error, "invalid")).toBe(true);
  expect(messageOf(error)).toContain("larger than");
});

test("a manifest with another digest than asked for is refused", async () => {
  const error = await manifestFailure((_, response) => sendJson(response, image), digest);
  expect(isCode(error, "dataLoss")).toBe(true);
});

const refusals: Array<[what: string, body: unknown, type: string, code: "unsupported" | "invalid"]> = [
  [
    "schema 1",
    { schemaVersion: 1, fsLayers: [] },
    "application/vnd.docker.distribution.manifest.v1+json",
    "unsupported",
  ],
  ["a page", "<html>", "text/html", "invalid"],
  [
    "an index sent as an image",
    { schemaVersion: 2, manifests: [] },
    "application/vnd.oci.image.manifest.v1+json",
    "invalid",
  ],
  ["index and image at once", { ...image, manifests: [] }, "application/vnd.oci.image.index.v1+json", "invalid"],
  ["a type of another kind", { ...image, mediaType: "text/plain" }, "text/plain", "unsupported"],
  [
    "a claim against its content type",
    { ...image, mediaType: "application/vnd.oci.image.manifest.v1+json" },
    "application/vnd.docker.distribution.manifest.v2+json",
    "invalid",
  ],
];
for (const [what, body, type, code] of refusals) {
  test(`a manifest that is ${what} is refused`, async () => {
    expect(isCode(await manifestFailure((_, response) => sendJson(response, body, type)), code)).toBe(true);
  });
}

test("a busy registry is asked again, as late as it wants, and then given up", async () => {
  const times: number[] = [];
  const error = await manifestFailure((_, response) => {
    times.push(performance.now());
    response.writeHead(429, { "Retry-After": times.length === 1 ? "1" : "0" }).end("{}");
  });
  expect(isCode(error, "unavailable")).toBe(true);
  expect(times).toHaveLength(3);
  expect(times[1]! - times[0]!).toBeGreaterThan(950);
});

test("a range that the registry ignores is cut out of the whole", async () => {
  await withServers([(_, response) => response.end("0123456789")], async ([host]) => {
    const client = createDistributionRegistry({ certsDirs: [] });
    const body = await client.repository(host!, "app").blob(digest, 4);
    expect(Buffer.concat(await body.toArray()).toString()).toBe("456789");
    client.close();
  });
});
