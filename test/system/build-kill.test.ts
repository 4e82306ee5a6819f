import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Containers } from "../support/containers.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

/** Moments after a build's begin at which the daemon is killed; `ISLE_KILL_POINTS` asks for as many random ones. */
const points = Number(process.env["ISLE_KILL_POINTS"] ?? 0);
const longestMs = 2000;
const delays =
  points > 0
    ? Array.from({ length: points }, () => Math.floor(Math.random() * longestMs))
    : [10, 40, 90, 150, 250, 400, 650, 900];

let daemon: TestDaemon;
let box: Containers;
let context: string;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
  context = join(daemon.directory, "context");
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`many/${index}`, `${index}\n`]));
  write({
    ...many,
    "packed/x": "from an archive\n",
    Dockerfile: [
      "FROM busybox AS one",
      "COPY . /all",
      "RUN for i in $(seq 200); do echo $i; done > /seq",
      "FROM busybox AS two",
      "ADD packed.tar.xz /packed",
      "RUN --mount=type=cache,target=/cache echo line >> /cache/log; sleep 0.3",
      "FROM busybox",
      "COPY --link --from=one /all /all",
      "COPY --from=two /packed /packed",
      'RUN --mount=type=secret,id=s --mount=type=secret,id=s,env=S test "$S" = hush && wc -l < /all/many/7 > /n',
      "RUN --mount=from=one,target=/m cat /m/seq | wc -l >> /n; sleep 0.2",
      "WORKDIR /w",
      "",
    ].join("\n"),
  });
  await daemon.inNamespaces(["tar", "-C", join(context, "packed"), "-cJf", join(context, "packed.tar.xz"), "."]);
  chmodSync(join(context, "packed.tar.xz"), 0o644);
});
afterAll(() => daemon.stop());

const write = (files: Readonly<Record<string, string>>): void => writeContext(context, files);

const build = (...flags: string[]) =>
  daemon.cli(["build", "-t", "built", "--secret", "id=s,env=SECRET", ...flags, context], {
    env: { SECRET: "hush" },
    timeoutMs: 60_000,
  });

/** Files for chains of layers to share that none has. */
const unshared = `cd "$0"; for d in $(ls -d shared/* 2>/dev/null); do ls -l layers | grep -q "> ../$d$" || echo $d; done`;

/** What a killed build may have left: files, mounts, roots, processes, agents' sockets. */
async function leftBehind(): Promise<string[]> {
  const list = async (path: string) =>
    (await daemon.inNamespaces(["sh", "-c", `ls -d ${path}/*`])).stdout.split("\n").filter(Boolean);
  const files = (await list(join(daemon.dataRoot, "builds"))).filter((path) => !path.endsWith("/cache"));
  const roots = await list(join(daemon.dataRoot, "roots"));
  const instances = await list(join(daemon.dataRoot, "instances"));
  const sockets = await list(join(daemon.execRoot, "ssh"));
  const mounts = (await daemon.inNamespaces(["grep", daemon.dataRoot, "/proc/mounts"])).stdout.split("\n");
  const mounted = mounts.filter((line) => /\/(builds|roots|instances)\//.test(line));
  const running = (await daemon.inNamespaces(["pgrep", "-f", "buildkitsandbox|seq 200|sleep 0\\.[23]|isle-confined"]))
    .stdout;
  const alone = (await daemon.inNamespaces(["sh", "-c", unshared, daemon.dataRoot])).stdout.split("\n").filter(Boolean);
  return [...alone, ...files, ...roots, ...instances, ...sockets, ...mounted, ...running.split("\n").filter(Boolean)];
}

async function checkImage(): Promise<void> {
  const shown = await box.output("cat /n /packed/x; ls /all/many | wc -l; pwd", { Image: "built" });
  expect(shown).toBe("1\n200\nfrom an archive\n300\n/w");
  await box.clear();
}

test("files of a step whose record was not written yet go at the next start", async () => {
  const directory = join(daemon.dataRoot, "instances", "0".repeat(64));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "config.json"), "{}");
  await daemon.kill();
  await daemon.restart();
  expect(await leftBehind()).toEqual([]);
});

test(
  `a daemon killed at ${delays.length} points of a build leaves nothing, and the next build is right`,
  async () => {
    let done = 0;
    for (const [index, delayMs] of delays.entries()) {
      // Every other build may take what those before it have left in the cache.
      const running = build(...(index % 2 === 0 ? ["--no-cache"] : []));
      await Bun.sleep(delayMs);
      await daemon.kill();
      if ((await running).exitCode === 0) done += 1;
      await daemon.restart();
      expect([delayMs, await leftBehind()]).toEqual([delayMs, []]);
      if (index % 10 !== 9) continue;
      const next = await build();
      expect(next.exitCode, next.stderr).toBe(0);
      await checkImage();
    }
    console.log(`killed at ${delays.length} points; ${done} builds were over before`);
    const last = await build("--no-cache");
    expect(last.exitCode, last.stderr).toBe(0);
    await checkImage();
    const history = await daemon.cli(["builds", "ls", "-f", "status=running", "-q"]);
    expect(history.stdout).toBe("");
  },
  120_000 + delays.length * 10_000,
);
