import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxRoot } from "../support/busybox-root.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { compareAnswers, type Found } from "./compare-answers.ts";
import { differences } from "./differences.ts";
import { differentialSteps } from "./differential-requests.ts";
import type { Step } from "./differential-steps.ts";
import { type DockerEngine, missingDocker, startDockerEngine } from "./docker-engine.ts";
import { type Answer, ask } from "./engine-request.ts";
import { plainText } from "./plain-json.ts";

/** One engine with the ids that its answers gave to the names of the steps. */
interface Side {
  readonly socket: string;
  readonly ids: Map<string, string>;
}

const missing = missingDocker();
const withDocker = test.skipIf(missing !== "");
if (missing !== "") console.log(`SKIPPED the comparison with Docker's engine: ${missing}`);

const used = new Set<(typeof differences)[number]>();
const since = Math.floor(Date.now() / 1000);
let docker: DockerEngine | undefined;
let isle: TestDaemon | undefined;
let sides: [Side, Side];

beforeAll(async () => {
  if (missing !== "") return;
  [docker, isle] = await Promise.all([startDockerEngine(), startDaemon()]);
  sides = [
    { socket: docker.socket, ids: new Map() },
    { socket: isle.socket, ids: new Map() },
  ];
  const query = { fromSrc: "-", repo: "busybox", tag: "latest", changes: `CMD ["sh"]` };
  await ask(docker.socket, { method: "POST", path: "/images/create", query }, await busyboxRoot());
}, 60_000);

afterAll(async () => {
  await Promise.all([docker?.stop(), isle?.stop()]);
}, 60_000);

for (const step of differentialSteps) {
  const text = JSON.stringify(step.json ?? step.body ?? "").slice(0, 120);
  withDocker(`${step.method} ${step.path} ${JSON.stringify(step.query ?? {})} ${text} is answered alike`, async () => {
    const [a, b] = (await Promise.all(sides.map((side) => take(side, step)))) as [Answer, Answer];
    expect(unexplained(compareAnswers(`${step.method} ${step.path}`, a, b, step.keysOnly ?? false))).toEqual([]);
  });
}

withDocker("the same events are told", async () => {
  const [a, b] = (await Promise.all(sides.map(({ socket }) => eventsOf(socket)))) as [Set<string>, Set<string>];
  const missed = [...a].filter((line) => !b.has(line)).map((line) => event(line, line, "nothing"));
  const added = [...b].filter((line) => !a.has(line)).map((line) => event(line, "nothing", line));
  expect(unexplained([...missed, ...added])).toEqual([]);
});

withDocker("every difference that is listed is there", () => {
  expect(differences.filter((difference) => !used.has(difference)).map(({ docker: said }) => said)).toEqual([]);
});

test("docs/differences.md lists the differences", () => {
  const document = readFileSync(join(import.meta.dirname, "../../docs/differences.md"), "utf8");
  const rows = differences.map(({ docker: a, isle: b, reason }) => `| ${a} | ${b} | ${reason} |`);
  expect(
    document
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .slice(2),
  ).toEqual(rows);
});

async function take({ socket, ids }: Side, step: Step): Promise<Answer> {
  const path = step.path.replace(/\$(\w+)/g, (_, name: string) => ids.get(name) ?? "unknown");
  const answer = await ask(socket, { ...step, path });
  const id = answer.json?.Id as string | undefined;
  if (step.as !== undefined && id !== undefined) ids.set(step.as, id);
  // What only one engine accepts must not stand in the lists that follow.
  const isStray = step.as === undefined && step.path === "/containers/create" && id !== undefined;
  if (isStray) await ask(socket, { method: "DELETE", path: `/containers/${id}`, query: { v: "1" } });
  return answer;
}

function unexplained(found: readonly Found[]): Found[] {
  return found.filter((item) => {
    const reasons = differences.filter(({ fits }) => fits(item));
    for (const reason of reasons) used.add(reason);
    return reasons.length === 0;
  });
}

const event = (line: string, dockerSays: string, isleSays: string): Found => ({
  request: "events",
  at: line.split(" ").slice(0, 2).join(" "),
  docker: dockerSays,
  isle: isleSays,
});

/** Events of what the steps named: others have random names. */
async function eventsOf(socket: string): Promise<Set<string>> {
  const query = { since: String(since), until: String(Date.now() / 1000 + 0.5) };
  const { text } = await ask(socket, { method: "GET", path: "/events", query });
  const named = new Set(differentialSteps.flatMap(({ as }) => (as === undefined ? [] : [as])));
  const all = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const told = all.filter(({ Type, Actor }) => Type !== "container" || named.has(Actor.Attributes.name ?? ""));
  return new Set(
    told.map(({ Type, Action, Actor, status, id, from }) => {
      const attributes = Object.entries(Actor.Attributes as Record<string, string>).sort();
      const legacy = [status && "status", id && "id", from && "from"].filter(Boolean).join(",");
      return plainText([Type, Action, ...attributes.map(([name, value]) => `${name}=${value}`), legacy].join(" "));
    }),
  );
}
