import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { Json } from "../support/api-client.ts";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon, type TestDaemonOptions } from "../support/daemon.ts";

let daemon: TestDaemon;
let box: Containers;
afterEach(() => daemon.stop());

async function start(options: TestDaemonOptions = {}): Promise<void> {
  daemon = await startDaemon(options);
  box = new Containers(daemon.api);
}

const mounting = (volume: string) => ({ HostConfig: { Binds: [`${volume}:/v`] } });
const snapshotsOf = async (volume: string): Promise<string[]> =>
  ((await daemon.api.ok("GET", `/isle/volumes/${volume}/snapshots`)) as Json[]).map(({ Name }) => Name);

/** What lies below the volumes' directory, as the daemon sees it. */
async function below(path = ""): Promise<string[]> {
  const { stdout } = await daemon.inNamespaces(["ls", "-A", join(daemon.dataRoot, "volumes", path)]);
  return stdout.split("\n").filter(Boolean);
}

/** Kills the daemon while it is at it, at a moment that differs from round to round, and starts it again. */
async function killDuring(round: number, work: () => Promise<unknown>): Promise<void> {
  const working = work().then(
    () => {},
    () => {},
  );
  await Bun.sleep(1 + ((round * 13) % 60));
  await daemon.kill();
  await working;
  await daemon.restart();
}

const many =
  "cd /v; for d in 0 1 2 3 4 5 6 7; do mkdir $d; for f in 0 1 2 3 4 5 6 7 8 9; do head -c 100000 /dev/urandom > $d/$f; done; done";
const sum = "cd /v; find . -type f | sort | xargs cat | sha256sum";
const rounds = 12;

test(`a daemon killed ${rounds} times during a snapshot leaves whole snapshots only, and nobody frozen`, async () => {
  await start();
  await box.output(many, mounting("data"));
  const id = await box.start({
    HostConfig: { Binds: ["data:/v", "clock:/clock"] },
    script: "n=0; while :; do n=$((n+1)); echo $n > /clock/now.new; mv /clock/now.new /clock/now; sleep 0.02; done",
  });
  const clock = async (): Promise<number> => Number((await box.exec(id, "cat /clock/now")).stdout);
  const wanted = await box.output(sum, mounting("data"));
  for (let round = 0; round < rounds; round += 1) {
    await killDuring(round, () =>
      daemon.api.ok("POST", "/isle/volumes/data/snapshots", { query: { name: `s${round}` } }),
    );
    const now = await clock();
    while ((await clock()) === now) await Bun.sleep(20);
    for (const name of await snapshotsOf("data")) {
      await daemon.api.ok("POST", "/isle/volumes/data/clone", { query: { target: "check", snapshot: name } });
      expect(await box.output(sum, mounting("check"))).toBe(wanted);
      await daemon.api.ok("DELETE", "/volumes/check");
      await daemon.api.ok("DELETE", `/isle/volumes/data/snapshots/${name}`);
    }
    expect((await below("data")).sort()).toEqual(expect.arrayContaining(["_data"]));
    expect((await below("data")).filter((name) => name.startsWith("."))).toEqual([]);
  }
  expect(await snapshotsOf("data")).toEqual([]);
  expect(await box.output(sum, mounting("data"))).toBe(wanted);
});

test(`a daemon killed ${rounds} times during exports and restores leaves the volume whole and nothing beside it`, async () => {
  await start();
  await box.output(many, mounting("data"));
  await daemon.api.ok("POST", "/isle/volumes/data/snapshots", { query: { name: "kept" } });
  const wanted = await box.output(sum, mounting("data"));
  for (let round = 0; round < rounds; round += 1) {
    await killDuring(round, () =>
      round % 2 === 0
        ? daemon.api.request("GET", "/isle/volumes/data/export")
        : daemon.api.ok("POST", "/isle/volumes/data/snapshots/kept/restore"),
    );
    expect((await below("data")).sort()).toEqual(["_data", "snapshots"]);
    expect(await box.output(sum, mounting("data"))).toBe(wanted);
  }
});

test(`a daemon killed ${rounds} times while it prunes loses no volume that is in use and keeps no part of another`, async () => {
  await start();
  const user = await box.create(mounting("used"));
  await box.output("echo kept > /v/file", mounting("used"));
  for (let round = 0; round < rounds; round += 1) {
    const doomed = Array.from({ length: 6 }, (_, at) => `doomed${at}`);
    for (const name of doomed) await daemon.api.ok("POST", "/volumes/create", { json: { Name: name } });
    await box.output("for v in /0 /1 /2 /3 /4 /5; do echo x > $v/file; mkdir -p $v/dir; done", {
      HostConfig: { Binds: doomed.map((name, at) => `${name}:/${at}`) },
    });
    await killDuring(round, () => daemon.api.ok("POST", "/volumes/prune", { query: { filters: '{"all":["true"]}' } }));
    const listed = ((await daemon.api.ok("GET", "/volumes")).Volumes as Json[]).map(({ Name }) => Name as string);
    expect((await below()).sort()).toEqual(listed.sort());
    expect(listed).toContain("used");
    for (const name of listed) {
      const found = await box.output("cat /v/file", { HostConfig: { Binds: [`${name}:/v:ro`] } });
      expect([name, found]).toEqual([name, name === "used" ? "kept" : "x"]);
    }
  }
  expect((await daemon.api.delete("/volumes/used")).status).toBe(409);
  await box.remove(user);
  await daemon.api.ok("DELETE", "/volumes/used");
});

test("a full disk refuses a snapshot, a clone, an export and an import, and leaves what is there as it was", async () => {
  await start({
    prepare: async ({ inNamespaces, dataRoot }) => {
      const made = `mkdir -p ${dataRoot}/volumes && mount -t tmpfs -o size=12m,mode=701 none ${dataRoot}/volumes`;
      expect((await inNamespaces(["sh", "-c", made])).exitCode).toBe(0);
    },
  });
  await box.output("head -c 3000000 /dev/urandom > /v/big; echo x > /v/small", mounting("data"));
  const { body } = await daemon.api.request("GET", "/isle/volumes/data/export");
  await box.output("head -c 7000000 /dev/urandom > /v/bigger", mounting("data"));
  const id = await box.idle(mounting("data"));
  const attempts: [method: string, path: string][] = [
    ["POST", "/isle/volumes/data/snapshots"],
    ["POST", "/isle/volumes/data/clone?target=other"],
    ["GET", "/isle/volumes/data/export"],
    ["POST", "/isle/volumes/import?name=other"],
  ];
  for (const [method, path] of attempts) {
    const { status, json } = await daemon.api.request(method, path, path.includes("import") ? { body } : {});
    expect([path, status, json.message]).toEqual([path, 500, expect.stringContaining("no space left")]);
  }
  expect(await below()).toEqual(["data"]);
  expect(await snapshotsOf("data")).toEqual([]);
  expect((await box.exec(id, "ls /v; echo more > /v/more && rm /v/bigger")).stdout).toBe("big\nbigger\nsmall\n");
  await daemon.api.ok("POST", "/isle/volumes/data/snapshots", { query: { name: "fits" } });
  expect(await snapshotsOf("data")).toEqual(["fits"]);
});

test("where the file system can, a snapshot and a clone share their blocks with the volume", async () => {
  await start({
    prepare: async ({ inNamespaces, dataRoot, directory }) => {
      const made = `truncate -s 300M ${directory}/fs && mkfs.btrfs -q ${directory}/fs && mkdir -p ${dataRoot} && mount -o loop ${directory}/fs ${dataRoot}`;
      expect(await inNamespaces(["sh", "-c", made])).toMatchObject({ exitCode: 0 });
    },
  });
  await box.output("head -c 40000000 /dev/urandom > /v/big", mounting("data"));
  const usedMegabytes = async () => {
    const { stdout } = await daemon.inNamespaces([
      "sh",
      "-c",
      `sync -f ${daemon.dataRoot}; df -m --output=used ${daemon.dataRoot}`,
    ]);
    return Number(stdout.split("\n")[1]);
  };
  const before = await usedMegabytes();
  const taken = await daemon.cli(["volume", "snapshot", "data", "shared"]);
  expect(taken.stderr).toContain("blocks are shared");
  await daemon.api.ok("POST", "/isle/volumes/data/clone", { query: { target: "twin" } });
  expect((await usedMegabytes()) - before).toBeLessThan(10);
  await box.output("echo changed > /v/big", mounting("twin"));
  await box.output("echo gone > /v/big", mounting("data"));
  await daemon.api.ok("POST", "/isle/volumes/data/snapshots/shared/restore");
  expect(await box.output("wc -c < /v/big", mounting("data"))).toBe("40000000");
  expect(await box.output("cat /v/big", mounting("twin"))).toBe("changed");
});
