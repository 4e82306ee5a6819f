import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../support/api-client.ts";
import { ComposeProject, composeIsHere, composeProgram } from "../support/compose.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { importSoftware } from "../support/debian-images.ts";
import { withRunsc } from "../support/runsc.ts";

let daemon: TestDaemon;
let project: ComposeProject;
const here = composeIsHere();
/** Unless Compose could not be had. */
const projectTest = test.if(here);

beforeAll(async () => {
  if (!here) return;
  daemon = await startDaemon({ env: withRunsc() });
  await importSoftware(daemon);
}, 300_000);
afterAll(() => daemon?.stop());
afterEach(async () => {
  if (!project) return;
  await project.run("--profile", "*", "down", "-v", "--remove-orphans", "-t", "1");
  expect(await leftovers()).toEqual({ containers: [], volumes: [], networks: ["bridge", "host", "none"] });
});

/** What the engine still has, other than images. */
async function leftovers(): Promise<object> {
  const names = (list: Json[]) => list.map(({ Name, Names }) => Name ?? Names[0]).sort();
  return {
    containers: names(await daemon.api.ok("GET", "/containers/json", { query: { all: true } })),
    volumes: names((await daemon.api.ok("GET", "/volumes")).Volumes),
    networks: names(await daemon.api.ok("GET", "/networks")),
  };
}

/** Asks a published port, as a program of the machine does. */
async function ask(port: number | string, path = "/", body?: string): Promise<string> {
  const url = `http://127.0.0.1:${port}${path}`;
  const post = body === undefined ? [] : ["--data-binary", body];
  const { exitCode, stdout, stderr } = await daemon.inNamespaces(["curl", "-sS", "-m", "20", ...post, url]);
  if (exitCode !== 0) throw new Error(`${url}: ${stderr}`);
  return stdout;
}

/** Waits for what a service needs a moment for. */
async function until<T>(look: () => Promise<T>, fits: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const value = await look().catch((error: unknown) => error as T);
    if (!(value instanceof Error) && fits(value)) return value;
    if (Date.now() > deadline) throw new Error(`it stayed ${String(value)}`);
    await Bun.sleep(100);
  }
}

projectTest(
  "guestbook: nginx, an API and PostgreSQL keep entries over a restart of the daemon and of the services",
  async () => {
    project = new ComposeProject(daemon, "guestbook");
    expect(await project.run("config", "--services")).toBe("db\napi\nproxy\n");
    await project.run("up", "-d", "--wait");
    expect(await ask(18080, "/", "first")).toBe("1");
    await daemon.restart();
    expect(await ask(18080, "/", "second")).toBe("2");
    expect(await ask(18080)).toBe('["first", "second"]');
    expect((await project.ps()).map(({ Service, Health }) => [Service, Health]).sort()).toEqual([
      ["api", "healthy"],
      ["db", "healthy"],
      ["proxy", ""],
    ]);
    const psql = ["psql", "-h", "127.0.0.1", "-U", "postgres", "-tAc", "SELECT count(*) FROM entries"];
    expect(await project.exec("db", ...psql)).toBe("2\n");
    expect(await project.run("top", "db")).toContain("checkpointer");
    expect(await project.run("logs", "--no-color", "proxy")).toContain('"POST / HTTP/1.1" 200');
    // The proxy and the database share no network.
    expect((await project.try(["exec", "-T", "proxy", "curl", "-m", "2", "http://db:5432"])).exitCode).not.toBe(0);
    await project.run("restart", "api");
    expect(
      await until(
        () => ask(18080),
        (text) => text.startsWith("["),
      ),
    ).toContain("second");
    await project.run("stop", "-t", "20");
    expect((await project.ps("-a")).map(({ State }) => State)).toEqual(["exited", "exited", "exited"]);
    await project.run("up", "-d", "--wait");
    expect(await ask(18080)).toBe('["first", "second"]');
    await project.run("down");
    await project.run("up", "-d", "--wait");
    expect(await ask(18080)).toBe('["first", "second"]');
  },
);

projectTest("jobs: workers on a Redis queue are scaled, paused, killed and asked by a one-off command", async () => {
  project = new ComposeProject(daemon, "jobs");
  await project.run("up", "-d", "--wait");
  expect((await project.ps("worker")).map(({ Name }) => Name).sort()).toEqual([
    "jobs-worker-1",
    "jobs-worker-2",
    "jobs-worker-3",
  ]);
  const redis = async (...words: string[]) => (await project.exec("queue", "redis-cli", ...words)).trim();
  const done = (count: number) =>
    until(
      () => redis("llen", "squares"),
      (text) => text === String(count),
    );
  const following = project.follow("logs", "-f", "--no-color", "worker");
  await redis("rpush", "numbers", "2", "3", "4");
  await done(3);
  await following.until("squared 4");
  await following.stop();
  await daemon.kill();
  await daemon.restart();
  await project.run("up", "-d", "--no-recreate", "--scale", "worker=5");
  expect(await project.ps("worker")).toHaveLength(5);
  await project.run("scale", "worker=1");
  expect(await project.ps("worker")).toHaveLength(1);
  await project.run("pause", "worker");
  expect((await project.ps("worker"))[0].State).toBe("paused");
  await redis("rpush", "numbers", "5");
  await project.run("unpause", "worker");
  await done(4);
  expect(await project.run("--profile", "tools", "run", "--rm", "-T", "cli", "lindex", "squares", "-1")).toMatch(
    /^5 25 /,
  );
  await project.run("kill", "-s", "KILL", "worker");
  const killed = await until(
    () => project.ps("-a", "worker"),
    ([worker]) => worker?.State === "exited",
  );
  expect(killed[0]).toMatchObject({ ExitCode: 137 });
  const worker = await daemon.api.ok("GET", "/containers/jobs-worker-1/json");
  expect(worker.HostConfig).toMatchObject({ NanoCpus: 5e8, Memory: 64 << 20, PidsLimit: 50, Init: true });
});

projectTest("blog: PHP on MariaDB, from environment files, with a read-only root and no privileges", async () => {
  project = new ComposeProject(daemon, "blog", { BLOG_TITLE: "Notes" });
  await project.run("up", "-d", "--wait");
  expect(await ask(18081, "/", "hello")).toBe("Notes: hello\n");
  await daemon.restart();
  expect(await ask(18081, "/", "again")).toBe("Notes: hello again\n");
  const [volume] = (await daemon.api.ok("GET", "/volumes", { query: { filters: '{"label":["org.example.backup"]}' } }))
    .Volumes as Json[];
  expect(volume.Name).toBe("blog_posts");
  const copy = join(daemon.directory, "index.php");
  await project.run("cp", "web:/site/index.php", copy);
  expect(readFileSync(copy, "utf8")).toBe(readFileSync(join(project.directory, "site/index.php"), "utf8"));
  await project.run("cp", copy, "web:/tmp/copied.php");
  expect(await project.exec("web", "ls", "/tmp")).toBe("copied.php\n");
  expect((await project.try(["exec", "-T", "web", "touch", "/file"])).stderr).toContain("Read-only file system");
  expect(await project.run("port", "web", "80")).toBe("127.0.0.1:18081\n");
  // Another title makes a new container of the one service, and of no other.
  const before = await project.run("ps", "-q", "db");
  const renamed = new ComposeProject(daemon, "blog", { BLOG_TITLE: "Diary" });
  await renamed.run("up", "-d", "--wait");
  expect(
    await until(
      () => ask(18081),
      (text) => text.includes(":"),
    ),
  ).toBe("Diary: hello again\n");
  expect(await renamed.run("ps", "-q", "db")).toBe(before);
});

projectTest(
  "telemetry: a broker with a fixed address and alias carries messages, and events tell what happens",
  async () => {
    project = new ComposeProject(daemon, "telemetry");
    await project.run("up", "-d", "--wait");
    const heard = async () => (await project.exec("recorder", "cat", "/log/heard")).trim().split("\n");
    await until(heard, (lines) => lines.length >= 3);
    await daemon.restart();
    const count = (await heard()).length;
    await until(heard, (lines) => lines.length >= count + 3);
    expect(await project.exec("sensor", "getent", "hosts", "mqtt.example")).toMatch(/^10\.77\.0\.10 /);
    const events = project.follow("events", "--json");
    // The stream is there once something that happens is told.
    await until(async () => {
      await project.exec("sensor", "true");
      return await Promise.race([events.until('"exec_die"').then(() => true), Bun.sleep(200).then(() => false)]);
    }, Boolean);
    await project.run("stop", "sensor");
    await events.until('"action":"die"');
    await events.until('"service":"sensor"');
    await events.stop();
    const mosquitto = ["mosquitto_pub", "-h", "127.0.0.1", "-t", "sensors/door", "-q", "1", "-m", "shut"];
    await project.exec("broker", ...mosquitto);
    await until(heard, (lines) => lines.includes("sensors/door shut"));
  },
);

projectTest(
  "monitoring: Prometheus finds an exporter by its service's name and answers queries on an ephemeral port",
  async () => {
    project = new ComposeProject(daemon, "monitoring");
    await project.run("up", "-d", "--wait");
    const port = async () => (await project.run("port", "prometheus", "9090")).trim().split(":")[1]!;
    const query = async (text: string) => {
      const answer = JSON.parse(await ask(await port(), `/api/v1/query?query=${text}`)) as Json;
      return (answer.data.result as Json[]).map(({ metric, value }) => `${metric.job} ${value[1]}`).sort();
    };
    await until(
      () => query("up"),
      (found) => found.join() === "itself 1,node 1",
    );
    await until(
      () => query("compose_test_answer"),
      (found) => found.join() === "node 42",
    );
    await daemon.restart();
    // A scrape in the moment without names may have failed.
    await until(
      () => query("up"),
      (found) => found.join() === "itself 1,node 1",
    );
    expect((await project.exec("prometheus", "sh", "-c", "ulimit -Sn; ulimit -Hn")).split("\n")).toEqual([
      "4096",
      "8192",
      "",
    ]);
  },
);

projectTest("shop: a Node application with packages from npm is built, and changes as it is edited", async () => {
  const edited = join(daemon.directory, "shop");
  cpSync(new ComposeProject(daemon, "shop").directory, edited, { recursive: true });
  mkdirSync(join(edited, "public"), { recursive: true });
  project = new ComposeProject(daemon, "shop", {}, edited);
  await project.run("up", "-d", "--wait", "--build");
  const becomes = (path: string, wanted: string) =>
    until(
      () => ask(18082, path),
      (text) => text === wanted,
    );
  await becomes("/", "welcome");
  expect(JSON.parse(await ask(18082, "/price/pear"))).toEqual({ item: "pear", price: 4 });
  const watching = project.follow("watch", "--no-up");
  await watching.until("Watch enabled");
  writeFileSync(join(edited, "public/news.txt"), "fresh pears\n");
  await becomes("/news", "fresh pears\n");
  writeFileSync(join(edited, "public/news.txt"), "no more pears\n");
  await becomes("/news", "no more pears\n");
  const server = join(edited, "server.mjs");
  writeFileSync(server, readFileSync(server, "utf8").replace("process.env.GREETING", '"closed for the day"'));
  await becomes("/", "closed for the day");
  await watching.stop();
  await daemon.restart();
  expect(await ask(18082)).toBe("closed for the day");
});

projectTest(
  "cache: shared and absent networks, the host's, hosts, sysctls and runtimes are as the file says",
  async () => {
    project = new ComposeProject(daemon, "cache");
    await project.run("up", "-d");
    const sidecar = () => project.run("logs", "--no-color", "--no-log-prefix", "sidecar");
    await until(sidecar, (text) => text.includes("STAT curr_items 0"));
    const store = ["busybox", "nc", "-w", "5", "127.0.0.1", "21211"];
    const stored = await daemon.inNamespaces(store, { input: "set a 0 0 1\r\nx\r\nquit\r\n" });
    expect(stored.stdout).toBe("STORED\r\n");
    await daemon.restart();
    await until(sidecar, (text) => text.includes("STAT curr_items 1"));
    expect(await project.exec("memcached", "getent", "hosts", "upstream.example")).toMatch(/^192\.0\.2\.7 /);
    expect(await project.exec("memcached", "hostname")).toBe("cache.example\n");
    expect(await project.exec("memcached", "cat", "/proc/sys/net/core/somaxconn")).toBe("512\n");
    expect(await until(() => project.run("logs", "--no-color", "--no-log-prefix", "alone"), Boolean)).toBe("lo\n");
    const own = await daemon.inNamespaces(["readlink", "/proc/self/ns/net"]);
    expect(await project.exec("onhost", "readlink", "/proc/self/ns/net")).toBe(own.stdout);
    const other = await daemon.api.ok("GET", "/containers/cache-other-runtime-1/json");
    expect([other.HostConfig.Runtime, other.State.Running]).toEqual(["runc", true]);
    expect(await project.exec("sidecar", "ps", "-o", "comm=", "1").catch(() => "no ps")).toBeDefined();
  },
);

projectTest("depot: images are pushed to a registry that Compose runs, and pulled from it", async () => {
  project = new ComposeProject(daemon, "depot");
  await project.run("up", "-d");
  await until(
    () => ask(15000, "/v2/"),
    (text) => text === "{}",
  );
  const name = "127.0.0.1:15000/depot/app";
  await daemon.api.ok("POST", "/images/busybox/tag", { query: { repo: name, tag: "1" } });
  await project.run("--profile", "app", "push", "app");
  await daemon.api.ok("DELETE", `/images/${name}:1`);
  await project.run("--profile", "app", "pull", "app");
  await project.run("--profile", "app", "up", "-d", "--no-build");
  expect(await until(() => project.run("logs", "--no-log-prefix", "app"), Boolean)).toBe("from the depot\n");
  expect(await project.run("images", "-q", "app")).not.toBe("");
  await daemon.api.ok("DELETE", `/images/${name}:1`, { query: { force: true } });
});

projectTest("bank: ten services come up in order, go on while the daemon is killed, and go down", async () => {
  project = new ComposeProject(daemon, "bank");
  await project.run("up", "-d");
  expect(await project.ps("-a")).toHaveLength(10);
  const branches = async () => {
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => ask(18083)));
    return [...new Set(answers)].sort();
  };
  expect(await until(branches, ({ length }) => length === 3)).toEqual(["east 100", "north 100", "south 100"]);
  const heard = async () => (await project.run("logs", "--no-color", "--no-log-prefix", "audit")).split("\n");
  // The auditor hears what is told from its first word to the broker on.
  await until(
    async () => [await ask(18083, "/", "0"), ...(await heard())],
    (lines) => lines.includes("0 makes 100"),
  );
  expect(await ask(18083, "/", "11")).toBe("111");
  await daemon.kill();
  // The port goes on to lead to the proxy; names are answered again with the daemon's return.
  expect(await ask(18083, "/open")).toBe("open");
  await daemon.restart();
  await until(branches, (found) => found.join() === "east 111,north 111,south 111");
  expect(await ask(18083, "/", "-11")).toBe("100");
  const lines = await until(heard, (found) => found.includes("-11 makes 100"));
  expect(lines.filter((line) => line.includes("11 makes"))).toEqual(["11 makes 111", "-11 makes 100"]);
  expect((await project.ps("-a", "prepare"))[0]).toMatchObject({ State: "exited", ExitCode: 0 });
});

projectTest("mixed: a container, a sandbox and a microVM find each other by name and share a volume", async () => {
  const { Runtimes } = await daemon.api.ok("GET", "/info");
  if (!Runtimes["runsc"] || !Runtimes["isle-vm"])
    return console.log("SKIPPED mixed isolation: runsc or isle-vm is missing");
  project = new ComposeProject(daemon, "mixed");
  await project.run("up", "-d");
  const services = ["container", "sandbox", "microvm"];
  const kernels = new Set<string>();
  for (const from of services) {
    for (const to of services) {
      kernels.add(
        await until(
          () => project.exec(from, "wget", "-qO-", `http://${to}/`),
          (text) => /^\d+\.\d+/.test(text),
        ),
      );
    }
    await project.exec(from, "sh", "-c", `echo ${from} >> /shared/names`);
  }
  expect(kernels.size).toBe(3);
  expect(kernels).toContain(await ask(18084));
  expect((await daemon.cli(["volume", "snapshot", "mixed_shared", "all"])).exitCode).toBe(0);
  expect(await project.exec("microvm", "cat", "/shared/names")).toBe("container\nsandbox\nmicrovm\n");
  await daemon.restart();
  expect(kernels).toContain(await ask(18084));
});

projectTest("isle compose runs Compose on its own engine, and ends as it ends", async () => {
  project = new ComposeProject(daemon, "jobs");
  mkdirSync(join(daemon.directory, "config/cli-plugins"), { recursive: true });
  symlinkSync(composeProgram, join(daemon.directory, "config/cli-plugins/docker-compose"));
  const env = {
    DOCKER_CONFIG: join(daemon.directory, "config"),
    DOCKER_HOST: "unix:///nowhere",
    HOME: daemon.directory,
  };
  const isle = (...args: string[]) =>
    daemon.cli(["-H", `unix://${daemon.socket}`, "compose", "--project-directory", project.directory, ...args], {
      env,
    });
  expect(await isle("run", "-T", "--rm", "--no-deps", "worker", "sh", "-c", "echo here; exit 7")).toMatchObject({
    exitCode: 7,
    stdout: "here\n",
  });
  expect((await isle("--help")).stdout).toContain("docker compose");
  expect((await isle("nosuch")).exitCode).not.toBe(0);
});

const kills = Number(process.env["ISLE_COMPOSE_KILLS"] ?? 8);

projectTest(
  `a daemon killed ${kills} times while ten services go up and down leaves nothing that stands in their way`,
  async () => {
    project = new ComposeProject(daemon, "bank");
    for (let round = 0; round < kills; round += 1) {
      const command = round % 2 === 0 ? ["up", "-d"] : ["down", "-v", "-t", "1"];
      const working = project.try(command);
      await Bun.sleep(200 + ((round * 731) % 1900));
      await daemon.kill();
      await working;
      await daemon.restart();
    }
    await project.run("up", "-d");
    expect(
      await until(
        () => ask(18083),
        (text) => text.endsWith(" 100"),
      ),
    ).toMatch(/^(north|south|east) 100$/);
    expect(await project.ps("-a")).toHaveLength(10);
  },
);
