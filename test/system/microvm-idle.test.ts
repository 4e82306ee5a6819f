import { afterAll, beforeAll, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { eventually } from "../support/leaks.ts";
import { webGet } from "../support/other-machine.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon({ config: { "default-runtime": "isle-vm", "microvm-pool": 0 } });
  box = new Containers(daemon.api);
});
afterAll(() => daemon.stop());

const patienceMs = 110_000;
const isle = async (...args: string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await daemon.cli(args, { timeoutMs: patienceMs });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return stdout.trim();
};

const untilAsleep = (id: string) =>
  eventually(
    () => box.state(id),
    ({ Status }) => expect(Status).toBe("paused"),
    patienceMs,
  );

test("x", async () => {
  const id = await isle("run", "-d", "--suspend-after", "2s", "-p", "127.0.0.1:18080:80", "busybox", "sh", "-c", "mkdir /www; echo served > /www/index.html; httpd -f -h /www");
  const t0 = performance.now();
  await untilAsleep(id);
  console.log("asleep after", performance.now() - t0);
  const t1 = performance.now();
  const r = await daemon.inNamespaces(["bash", "-c", webGet("127.0.0.1", 18080, 1).replace("timeout 1 ", "timeout 20 ").replace("timeout 2 ", "timeout 20 ")]);
  console.log(r, performance.now() - t1, (await box.state(id)).Status);
  await untilAsleep(id);
  const t2 = performance.now();
  console.log(await isle("exec", id, "echo", "awake"), performance.now() - t2);
  await untilAsleep(id);
  await daemon.restart();
  console.log((await box.state(id)).Status);
  const t3 = performance.now();
  console.log(await daemon.inNamespaces(["bash", "-c", webGet("127.0.0.1", 18080, 1).replace("timeout 1 ", "timeout 20 ").replace("timeout 2 ", "timeout 20 ")]), performance.now() - t3);
  console.log(daemon.log().split("\n").slice(-12).join("\n"));
}, 240_000);
