import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Json } from "../support/api-client.ts";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { eventually } from "../support/leaks.ts";
import { actualState, promisedState } from "../support/network-state.ts";
import { clearNetworks } from "../support/networks.ts";

const kills = Number(process.env["ISLE_NETWORK_KILLS"] ?? 40);

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
});
afterAll(() => daemon.stop());

const isHangUp = (error: unknown): boolean =>
  /ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|aborted|socket hang up|closed|ended|FailedToOpenSocket/i.test(
    error instanceof Error ? `${error.message} ${(error as { code?: string }).code ?? ""}` : String(error),
  );

/** Numbers that look like chance and are the same in every run. */
function dice(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

const idle = "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done";
const services = 10;
let lastPort = 20_000;

function freshPort(): string {
  lastPort += 1;
  return String(lastPort);
}

/** A project of ten services on a few networks that somebody keeps changing, until nobody answers. */
async function work(random: () => number): Promise<void> {
  const pick = (count: number) => Math.floor(random() * count);
  const network = () => `net${pick(4)}`;
  const service = () => `service${pick(services)}`;
  const post = (path: string, json?: object) => daemon.api.post(path, json ? { json } : {});
  const steps: ReadonlyArray<() => Promise<unknown>> = [
    () => post("/networks/create", { Name: network(), ...(random() < 0.3 && ruled) }),
    () => post(`/networks/${network()}/connect`, { Container: service(), EndpointConfig: {} }),
    () => post(`/networks/${network()}/connect`, { Container: service(), EndpointConfig: { Aliases: ["one"] } }),
    () => post(`/networks/${network()}/disconnect`, { Container: service() }),
    () => up(service(), network()),
    () => up(service(), network()),
    () => daemon.api.request("DELETE", `/containers/${service()}`, { query: { force: true } }),
    () => daemon.api.post(`/containers/${service()}/stop`, { query: { t: 1 } }),
    () => post(`/containers/${service()}/start`),
    () => daemon.api.request("DELETE", `/networks/${network()}`),
    () => post(`/isle/containers/${service()}/ports`, { PortBindings: { "81/tcp": [{ HostPort: freshPort() }] } }),
  ];
  try {
    for (;;) await steps[pick(steps.length)]!();
  } catch (error) {
    if (!isHangUp(error)) throw error;
  }
}

const ruled = { Labels: { "isle.policy.rules": "service1 -> service2:80; one -> *" } };

async function up(name: string, NetworkMode: string): Promise<void> {
  const HostConfig = { NetworkMode, PortBindings: { "80/tcp": [{ HostPort: freshPort() }] } };
  await daemon.api.post("/containers/create", {
    query: { name },
    json: { Image: "busybox", Cmd: ["sh", "-c", idle], HostConfig },
  });
  await daemon.api.post(`/containers/${name}/start`);
}

const agree = async (): Promise<void> => {
  const promised = await promisedState(daemon);
  await eventually(
    () => actualState(daemon),
    (actual) => expect(actual).toEqual(promised),
    15_000,
  );
};

test(`after each of ${kills} kills amid changes of networks the machine has exactly what the records name`, async () => {
  const random = dice(20261126);
  for (let round = 0; round < kills; round += 1) {
    const working = Promise.all([work(random), work(random), work(random)]);
    await Bun.sleep(20 + ((round * 53) % 230));
    await daemon.kill();
    await working;
    await daemon.restart();
    await agree().catch((error: Error) => {
      throw new Error(`round ${round}: ${error.message}\n${daemon.log().split("\n").slice(-30).join("\n")}`);
    });
  }
  await box.clear();
  await clearNetworks(daemon.api);
  await agree();
  // One interface for each spare, besides loopback and the default bridge.
  const count = async (script: string) => Number((await daemon.inNamespaces(["sh", "-c", script])).stdout);
  const spares = await eventually(
    async () => [await count("ip -o link | wc -l"), await count(`ls ${daemon.execRoot}/netns | wc -l`)] as const,
    ([links, namespaces]) => expect(links - 2).toBe(namespaces),
  );
  expect(spares[1]).toBeLessThanOrEqual(4);
  expect(((await daemon.api.ok("GET", "/containers/json", { query: { all: true } })) as Json[]).length).toBe(0);
}, 600_000);
