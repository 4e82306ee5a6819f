import { afterAll, beforeAll, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { eventually } from "../support/leaks.ts";

/** How many times the daemon is killed. */
const kills = Number(process.env["ISLE_SAVING_KILLS"] ?? 6);
const patienceMs = 110_000;

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon({ config: { "default-runtime": "isle-vm", "microvm-pool": 0 } });
  box = new Containers(daemon.api);
});
afterAll(() => daemon.stop());

/** The number of lines, which must be the numbers from 0 on, each once. */
async function wholeCount(id: string): Promise<number> {
  const numbers = (await box.logs(id)).stdout.split("\n").filter(Boolean);
  expect(numbers).toEqual(numbers.map((_, i) => String(i)));
  return numbers.length;
}

async function countsOn(id: string): Promise<void> {
  const before = await wholeCount(id);
  await eventually(
    () => wholeCount(id),
    (count) => expect(count).toBeGreaterThan(before),
    patienceMs,
  );
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const title = `a daemon killed ${kills} times while it suspends, resumes and copies loses no process, line or byte of disk`;

/** Every copy that is there runs, and nothing is there of those that were not finished. */
async function lookAtCopies(original: string): Promise<void> {
  const listed: string[] = (await daemon.api.ok("GET", "/containers/json", { query: { all: true } })).map(
    ({ Id }: { Id: string }) => Id,
  );
  const held = (await daemon.inNamespaces(["ls", `${daemon.dataRoot}/instances`])).stdout.trim().split("\n");
  expect(held.sort()).toEqual([...listed].sort());
  for (const id of listed) {
    if (id === original) continue;
    expect((await box.exec(id, "echo copied")).stdout).toBe("copied\n");
    await box.remove(id);
  }
}

test(title, async () => {
  const id = await box.start({
    script: "i=0; while :; do echo $i; echo $i >> /numbers; i=$((i+1)); sleep 0.02; done",
  });
  await box.untilLog(id, "3\n");
  const order = (verb: string) => daemon.api.ok("POST", `/isle/containers/${id}/${verb}`, { json: {} });
  const usual: Record<string, number> = {};
  for (const verb of ["suspend", "resume", "fork"]) usual[verb] = await timed(() => order(verb));
  for (let point = 0; point < kills; point += 1) {
    const isSuspended = (await box.state(id)).Status === "paused";
    const verb = isSuspended ? "resume" : point % 3 === 2 ? "fork" : "suspend";
    const asked = order(verb).catch(() => undefined);
    await Bun.sleep(((Math.floor(point / 3) + 0.5) / Math.ceil(kills / 3)) * usual[verb]!);
    await daemon.kill();
    await asked;
    await daemon.restart();
    await lookAtCopies(id);
    const { Status } = await box.state(id);
    if (Status !== "running" && Status !== "paused") {
      throw new Error(`point ${point}, ${verb}: ${Status}\n${daemon.log().split("\n").slice(-40).join("\n")}`);
    }
    await wholeCount(id);
    if (Status === "running") await countsOn(id);
  }
  if ((await box.state(id)).Status === "paused") await order("resume");
  await countsOn(id);
  expect((await box.exec(id, "awk '$1 != NR - 1 { bad = 1 } END { exit bad }' /numbers")).exitCode).toBe(0);
  await box.remove(id);
  // A machine that nobody came for ends by itself after a while, and so does one that a template is made of.
  await eventually(
    () => daemon.inNamespaces(["sh", "-c", "ps -e -o comm= | grep -E 'qemu|isle-relay|isle-keeper|conmon'"]),
    ({ stdout }) => expect(stdout).toBe(""),
    patienceMs,
  );
}, 400_000);
