import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Json } from "./api-client.ts";
import { Containers } from "./containers.ts";
import { startDaemon, type TestDaemon } from "./daemon.ts";
import { eventually, possessionsOf } from "./leaks.ts";

interface Killing {
  readonly kills: number;
  /** The isolation of all containers. */
  readonly runtime?: string;
  /** Everything must be gone so long after the last was removed. */
  readonly settleMs?: number;
}

let daemon: TestDaemon;
let box: Containers;

/** What a client was told of one container. A request that got no answer leaves both outcomes open. */
interface Told {
  readonly name: string;
  readonly kind: Kind;
  /** Undefined while the answer to the create is open. */
  id?: string;
  exists: "yes" | "no" | "open";
  runs: "yes" | "no" | "open";
  /** A request about it is under way: a second one would make the outcome depend on their order. */
  busy: boolean;
}

type Kind = "idle" | "exits" | "always" | "counts";

const scripts: Record<Kind, string> = {
  idle: "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done",
  exits: "echo first; sleep 0.05; echo last; exit 37",
  always: "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done",
  counts: "i=0; while [ $i -lt 40 ]; do echo line $i; i=$((i+1)); sleep 0.01; done; exit 9",
};

/** One client: does things at random and notes what it was told, until its daemon dies. */
class Client {
  readonly told: Told[] = [];
  readonly volumes = new Map<string, "yes" | "open">();
  readonly images = new Set<string>();
  readonly #random: () => number;
  #count = 0;

  constructor(seed: number) {
    let state = seed;
    this.#random = () => {
      state = (state * 1103515245 + 12345) % 2147483648;
      return state / 2147483648;
    };
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.#random() * items.length)];
  }

  /** Works until a request finds nobody. */
  async work(): Promise<void> {
    try {
      for (;;) await this.#step();
    } catch (error) {
      if (!isHangUp(error)) throw error;
    }
  }

  async #step(): Promise<void> {
    const known = this.told.filter(({ exists, busy }) => exists === "yes" && !busy);
    const any = this.pick(known);
    const dice = this.#random();
    if (dice < 0.05) return this.#volume();
    if (dice < 0.08) return this.#image();
    if (!any || (dice < 0.35 && known.length < 6)) return this.#create();
    any.busy = true;
    if (dice < 0.6) await this.#start(any);
    else if (dice < 0.75) await this.#stop(any);
    else if (dice < 0.87) await this.#remove(any);
    else await this.#exec(any);
    any.busy = false;
  }

  async #create(): Promise<void> {
    const kind = this.pick(["idle", "exits", "always", "counts"] as const)!;
    const told: Told = { name: `c${process.pid}-${this.#count++}`, kind, exists: "open", runs: "no", busy: true };
    this.told.push(told);
    told.id = await box.create({
      name: told.name,
      script: scripts[kind],
      HostConfig: {
        RestartPolicy: { Name: kind === "always" ? "always" : "no" },
        NetworkMode: this.pick(["bridge", "none"])!,
      },
    });
    told.exists = "yes";
    told.busy = false;
  }

  async #start(told: Told): Promise<void> {
    told.runs = "open";
    const { status } = await daemon.api.post(`/containers/${told.id}/start`);
    expect([204, 304]).toContain(status);
    told.runs = "yes";
  }

  async #stop(told: Told): Promise<void> {
    told.runs = "open";
    const { status } = await daemon.api.post(`/containers/${told.id}/stop`, { query: { t: 0 } });
    expect([204, 304]).toContain(status);
    told.runs = "no";
  }

  async #remove(told: Told): Promise<void> {
    told.exists = "open";
    told.runs = "open";
    const { status } = await daemon.api.delete(`/containers/${told.id}`, { force: true });
    expect(status).toBe(204);
    told.exists = "no";
  }

  async #exec(told: Told): Promise<void> {
    const made = await daemon.api.post(`/containers/${told.id}/exec`, { json: { Cmd: ["true"] } });
    if (made.status === 201) await daemon.api.post(`/exec/${made.json.Id}/start`, { json: { Detach: true } });
  }

  async #volume(): Promise<void> {
    const name = `v${this.#count++}`;
    this.volumes.set(name, "open");
    await daemon.api.ok("POST", "/volumes/create", { json: { Name: name } });
    this.volumes.set(name, "yes");
  }

  async #image(): Promise<void> {
    const tag = `t${this.#count++}`;
    await daemon.api.ok("POST", "/images/busybox/tag", { query: { repo: "tagged", tag } });
    this.images.add(`tagged:${tag}`);
  }
}

const isHangUp = (error: unknown): boolean =>
  /ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|aborted|socket hang up|closed|ended|FailedToOpenSocket/i.test(
    error instanceof Error ? `${error.message} ${(error as { code?: string }).code ?? ""}` : String(error),
  );

/** Holds what the daemon knows after its return against what the client was told. */
async function compare(client: Client): Promise<void> {
  const listed = (await daemon.api.ok("GET", "/containers/json", { query: { all: true } })) as Json[];
  const byName = new Map(listed.map((each) => [each.Names[0].slice(1) as string, each]));
  for (const told of client.told) {
    told.busy = false;
    const found = byName.get(told.name);
    if (told.exists === "yes" && !found) throw new Error(`${told.name} was acknowledged and is gone`);
    if (told.exists === "no" && found) throw new Error(`${told.name} was removed and is back`);
    if (!found) {
      told.exists = "no";
      continue;
    }
    told.exists = "yes";
    told.id = found.Id;
    await compareRun(told, found.State);
  }
  for (const { Names } of listed) {
    const name = Names[0].slice(1);
    if (!client.told.some((told) => told.name === name)) throw new Error(`${name} is nobody's`);
  }
}

async function compareRun(told: Told, state: string): Promise<void> {
  const stays = told.kind === "idle" || told.kind === "always";
  const shown = () =>
    box.inspect(told.id!).then(({ State }) => `${told.name} (${told.kind}): ${JSON.stringify(State)}`);
  if (told.runs === "yes" && stays && state !== "running") throw new Error(`should run: ${await shown()}`);
  // A container with the policy `always` comes back with the daemon even when it was stopped.
  if (told.runs === "no" && told.kind !== "always" && state === "running")
    throw new Error(`should not run: ${await shown()}`);
  if (told.runs === "yes" && told.kind === "exits") await finished(told, 37, "first\nlast\n");
  if (told.runs === "yes" && told.kind === "counts") {
    await finished(told, 9, Array.from({ length: 40 }, (_, i) => `line ${i}\n`).join(""));
  }
  const { Pid, Running } = await box.state(told.id!);
  if (Running) expect((await daemon.inNamespaces(["test", "-d", `/proc/${Pid}`])).exitCode).toBe(0);
  // After a stop that was cut short the end may still be on its way.
  if (state !== "running") told.runs = "no";
  else if (!stays || told.runs === "no") told.runs = told.kind === "always" ? "yes" : "open";
}

/** Ended with the right code, and its log is whole. */
async function finished(told: Told, exitCode: number, output: string): Promise<void> {
  const code = await box.wait(told.id!);
  if (code !== exitCode) throw new Error(`${told.name} ended with ${code}, not ${exitCode}`);
  const { stdout } = await box.logs(told.id!);
  if (!stdout.endsWith(output))
    throw new Error(`the log of ${told.name} is not whole: ${JSON.stringify(stdout.slice(-200))}`);
}

/** Registers the test, one in a file. */
export function testKills({ kills, runtime, settleMs = 5000 }: Killing): void {
  beforeAll(async () => {
    daemon = await startDaemon(runtime ? { config: { "default-runtime": runtime } } : {});
    box = new Containers(daemon.api);
  });
  afterAll(() => daemon.stop());
  const title = `a daemon killed ${kills} times under a mixed load keeps every promise it made and leaves nothing behind`;
  test(title, () => killAndCompare(kills, settleMs), 400_000);
}

async function killAndCompare(kills: number, settleMs: number): Promise<void> {
  const before = await possessionsOf(daemon);
  const client = new Client(20261121);
  for (let round = 0; round < kills; round += 1) {
    const working = Promise.all([client.work(), client.work()]);
    await Bun.sleep(5 + ((round * 37) % 120));
    await daemon.kill();
    await working;
    await daemon.restart();
    await compare(client).catch((error: Error) => {
      throw new Error(`round ${round}: ${error.message}\n${daemon.log().split("\n").slice(-40).join("\n")}`);
    });
    if (client.told.length > 12) await tidy(client);
  }
  const volumes = (await daemon.api.ok("GET", "/volumes")).Volumes.map(({ Name }: { Name: string }) => Name);
  for (const [name, told] of client.volumes) if (told === "yes") expect(volumes).toContain(name);
  const [image] = await daemon.api.ok("GET", "/images/json");
  expect(image.RepoTags).toEqual(expect.arrayContaining([...client.images]));
  await box.clear();
  await daemon.restart();
  await eventually(
    () => possessionsOf(daemon),
    ({ openFiles: _, ...after }) => {
      const { openFiles: __, ...wanted } = before;
      expect({ ...after, mounts: after.mounts, netnsFiles: [] }).toEqual({ ...wanted, netnsFiles: [] });
    },
    settleMs,
  );
}

/** Keeps the number of containers bounded, so that the run does not slow down. */
async function tidy(client: Client): Promise<void> {
  await box.clear();
  client.told.splice(0);
}
