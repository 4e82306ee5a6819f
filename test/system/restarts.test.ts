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

const runsAre = async (id: string, count: number): Promise<void> => {
  const filters = JSON.stringify({ container: [id], event: ["start"] });
  const stream = await daemon.api.stream("GET", "/events", { query: { filters, since: 1 } });
  for (let seen = 0; seen < count; seen += 1) await stream.lines.next();
  stream.close();
};

test("always brings a container back however it ends, until it is stopped by hand", async () => {
  const id = await box.start({ script: "echo run; exit 0", HostConfig: { RestartPolicy: { Name: "always" } } });
  await runsAre(id, 3);
  expect((await box.inspect(id)).RestartCount).toBeGreaterThanOrEqual(2);
  await daemon.api.ok("POST", `/containers/${id}/stop`);
  const { State, RestartCount } = await box.inspect(id);
  expect([State.Status, State.Restarting]).toEqual(["exited", false]);
  await daemon.restart();
  expect((await box.inspect(id)).RestartCount).toBeWithin(RestartCount, RestartCount + 2);
});

test("on-failure gives up after so many tries, and lets success be", async () => {
  const id = await box.create({
    script: "exit 3",
    HostConfig: { RestartPolicy: { Name: "on-failure", MaximumRetryCount: 2 } },
  });
  await daemon.api.ok("POST", `/containers/${id}/start`);
  await runsAre(id, 3);
  await box.wait(id);
  const { State, RestartCount } = await box.inspect(id);
  expect([State.Status, State.ExitCode, RestartCount]).toEqual(["exited", 3, 2]);
  const fine = await box.finish({ script: "exit 0", HostConfig: { RestartPolicy: { Name: "on-failure" } } });
  expect(await box.state(fine.id)).toMatchObject({ Status: "exited", ExitCode: 0 });
});

test("with the daemon come back: always even when stopped, unless-stopped only when not, no never", async () => {
  const policy = (Name: "always" | "unless-stopped" | "no") => ({ HostConfig: { RestartPolicy: { Name } } });
  const stopped = await Promise.all(
    (["always", "unless-stopped", "no"] as const).map((name) => box.idle(policy(name))),
  );
  await Promise.all(stopped.map((id) => daemon.api.ok("POST", `/containers/${id}/stop`)));
  const running = await box.idle(policy("unless-stopped"));
  const before = (await box.state(running)).Pid;
  await daemon.restart();
  const states = await Promise.all(stopped.map(async (id) => (await box.state(id)).Status));
  expect(states).toEqual(["running", "exited", "exited"]);
  expect((await box.state(running)).Pid).toBe(before);
});

test("a policy makes no sense with AutoRemove, or with tries where there are none", async () => {
  for (const HostConfig of [
    { AutoRemove: true, RestartPolicy: { Name: "always" } },
    { RestartPolicy: { Name: "always", MaximumRetryCount: 3 } },
    { RestartPolicy: { Name: "sometimes" } },
    { RestartPolicy: { Name: "on-failure", MaximumRetryCount: -1 } },
  ]) {
    const reply = await daemon.api.post("/containers/create", { json: { Image: "busybox", HostConfig } });
    expect([HostConfig, reply.status]).toEqual([HostConfig, 400]);
  }
});

const second = 1_000_000_000;

test("health turns from starting to healthy to unhealthy and back, as events tell", async () => {
  const since = Date.now() / 1000;
  const id = await box.idle({
    Healthcheck: {
      Test: ["CMD-SHELL", "test -e /sick && { echo ill; exit 1; }; echo well"],
      Interval: second / 5,
      Timeout: second,
      Retries: 2,
    },
  });
  expect((await box.state(id)).Health.Status).toBeOneOf(["starting", "healthy"]);
  expect((await box.event(id, "health_status: healthy", since)).Actor.ID).toBe(id);
  expect((await box.state(id)).Health).toMatchObject({ Status: "healthy", FailingStreak: 0 });
  await box.exec(id, "touch /sick");
  await box.event(id, "health_status: unhealthy", since);
  const { Health } = await box.state(id);
  expect(Health.Status).toBe("unhealthy");
  expect(Health.FailingStreak).toBeGreaterThanOrEqual(2);
  expect(Health.Log.at(-1)).toMatchObject({ ExitCode: 1, Output: "ill\n" });
  expect(
    (await daemon.api.ok("GET", "/containers/json", { query: { filters: '{"health":["unhealthy"]}' } }))[0].Status,
  ).toContain("(unhealthy)");
  const again = box.event(id, "health_status: healthy");
  await box.exec(id, "rm /sick");
  await again;
});

test("a probe that takes too long counts as failed", async () => {
  const since = Date.now() / 1000;
  const id = await box.idle({
    Healthcheck: { Test: ["CMD", "sleep", "60"], Interval: second / 5, Timeout: second / 5, Retries: 1 },
  });
  await box.event(id, "health_status: unhealthy", since);
  expect((await box.state(id)).Health.Log.at(-1)).toMatchObject({ ExitCode: -1 });
});

test("a container with the label isle.restart-unhealthy is restarted when it falls ill", async () => {
  const since = Date.now() / 1000;
  const id = await box.idle({
    Labels: { "isle.restart-unhealthy": "true" },
    HostConfig: { RestartPolicy: { Name: "always" } },
    Healthcheck: { Test: ["CMD-SHELL", "test ! -e /dev/shm/sick"], Interval: second / 5, Retries: 1 },
  });
  await box.event(id, "health_status: healthy", since);
  const before = (await box.state(id)).Pid;
  const restarted = box.event(id, "start");
  await box.exec(id, "touch /dev/shm/sick");
  await restarted;
  expect((await box.state(id)).Pid).not.toBe(before);
});
