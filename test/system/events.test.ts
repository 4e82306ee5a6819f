import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
});
afterEach(() => box.clear());
afterAll(() => daemon.stop());

const actions = async (query: object): Promise<string[]> => {
  const text = (await daemon.api.get("/events", { ...query } as Record<string, string>)).text;
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { Type: string; Action: string })
    .map(({ Type, Action }) => `${Type} ${Action}`);
};
const seconds = () => Date.now() / 1000;

test("the life of a container is told in order, with its labels and exit code", async () => {
  const since = seconds();
  const id = await box.create({ name: "told", script: "exit 3", Labels: { color: "red" } });
  await daemon.api.ok("POST", `/containers/${id}/start`);
  await box.wait(id);
  await daemon.api.ok("POST", `/containers/${id}/rename`, { query: { name: "retold" } });
  await box.remove(id);
  const filters = JSON.stringify({ container: [id] });
  const events = (await daemon.api.get("/events", { since, until: seconds() + 0.01, filters })).text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(events.map(({ Action }) => Action)).toEqual(["create", "start", "die", "rename", "destroy"]);
  expect(events[2]).toMatchObject({
    Type: "container",
    status: "die",
    id,
    from: "busybox",
    scope: "local",
    Actor: { ID: id, Attributes: { image: "busybox", name: "told", exitCode: "3", color: "red" } },
  });
  expect(Math.floor(events[2].timeNano / 1e9)).toBe(events[2].time);
});

test("events are filtered by type, action, label, image, container and several at once", async () => {
  const since = seconds();
  const id = await box.start({ script: "true", Labels: { pick: "1" } });
  await box.wait(id);
  await daemon.api.ok("POST", "/volumes/create", { json: { Name: "told" } });
  await daemon.api.ok("DELETE", "/volumes/told");
  const until = seconds() + 0.01;
  const picked = (filters: object) => actions({ since, until, filters: JSON.stringify(filters) });
  expect(await picked({ type: ["volume"] })).toEqual(["volume create", "volume destroy"]);
  expect(await picked({ event: ["die", "create"], type: ["container"] })).toEqual([
    "container create",
    "container die",
  ]);
  expect(await picked({ label: ["pick=1"], event: ["start"] })).toEqual(["container start"]);
  expect(await picked({ image: ["busybox"], event: ["start"] })).toEqual(["container start"]);
  expect(await picked({ volume: ["told"] })).toEqual(["volume create", "volume destroy"]);
  expect((await daemon.api.get("/events", { until, filters: '{"nope":["x"]}' })).status).toBe(400);
});

test("many followers hear the same, and one that goes away harms nobody", async () => {
  const streams = await Promise.all(Array.from({ length: 20 }, () => daemon.api.stream("GET", "/events")));
  streams[0]!.close();
  const id = await box.create();
  const heard = await Promise.all(streams.slice(1).map((stream) => stream.find(({ Action }) => Action === "create")));
  for (const event of heard) expect(event.Actor.ID).toBe(id);
  for (const stream of streams) stream.close();
});

test("images, networks and exec tell their events too", async () => {
  const since = seconds();
  await daemon.api.ok("POST", "/images/busybox/tag", { query: { repo: "other", tag: "1" } });
  await daemon.api.ok("DELETE", "/images/other:1");
  const id = await box.idle();
  await box.exec(id, ["true"]);
  const all = await actions({ since, until: seconds() + 0.01 });
  for (const each of [
    "image tag",
    "image untag",
    "network connect",
    "container exec_create: true ",
    "container exec_start: true ",
    "container exec_die",
  ]) {
    expect(all).toContain(each);
  }
});
