import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../support/api-client.ts";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { eventually } from "../support/leaks.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
});
afterEach(async () => {
  await box.clear();
  const { Volumes } = await daemon.api.ok("GET", "/volumes");
  for (const { Name } of Volumes as Json[]) await daemon.api.ok("DELETE", `/volumes/${Name}`);
});
afterAll(() => daemon.stop());

const mounting = (volume: string) => ({ HostConfig: { Binds: [`${volume}:/v`] } });
const inVolume = (volume: string, script: string) => box.output(script, mounting(volume));

async function isle(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await daemon.cli(args);
  if (exitCode !== 0) throw new Error(`isle ${args.join(" ")}: ${exitCode} ${stderr}`);
  return stdout.trimEnd();
}

async function refused(...args: string[]): Promise<string> {
  const { exitCode, stderr } = await daemon.cli(args);
  expect([args, exitCode]).toEqual([args, 1]);
  return stderr;
}

/** Names below the volumes' directory that no finished work leaves there. */
const halfMade = (): string[] =>
  (readdirSync(join(daemon.dataRoot, "volumes"), { recursive: true }) as string[]).filter((path) =>
    /(^|\/)\./.test(path),
  );

test("a snapshot brings back what the volume held, with its owner, mode, links and attributes", async () => {
  await inVolume(
    "data",
    "cd /v; chown 70:71 .; chmod 750 .; echo one > file; ln file hard; ln -s file soft; mkfifo pipe; mkdir -m 711 dir",
  );
  expect(await isle("volume", "snapshot", "data", "first")).toBe("first");
  const before = await inVolume("data", "cd /v; ls -lan . | grep -v total; cat soft");
  await inVolume("data", "cd /v; rm -rf file dir; echo two > hard; chmod 777 .; echo new > new");
  const second = await isle("volume", "snapshot", "data");
  expect((await isle("volume", "ls-snapshots", "-q", "data")).split("\n")).toEqual(["first", second]);
  expect(await isle("volume", "restore", "data", "first")).toBe("data");
  expect(await inVolume("data", "cd /v; ls -lan . | grep -v total; cat soft")).toBe(before);
  await isle("volume", "restore", "data", second);
  expect(await inVolume("data", "cat /v/hard /v/new")).toBe("two\nnew");
  expect(await isle("volume", "rm-snapshot", "data", "first", second)).toBe(`first\n${second}`);
  expect(await isle("volume", "ls-snapshots", "-q", "data")).toBe("");
  expect(halfMade()).toEqual([]);
});

test("a snapshot is of one moment: who writes stands still for it and then goes on", async () => {
  const id = await box.start({
    ...mounting("busy"),
    script:
      "n=0; while :; do n=$((n+1)); for f in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do for g in 0 1 2 3 4 5 6 7; do echo $n > /v/$f$g; done; done; echo round $n.; done",
  });
  await box.untilLog(id, "round 3.");
  for (const name of ["a", "b", "c"]) {
    await isle("volume", "snapshot", "busy", name);
    const home = join(daemon.dataRoot, "volumes/busy/snapshots", name, "_data");
    const seen = readdirSync(home).map((file) => readFileSync(join(home, file), "utf8").trim());
    const generations = [...new Set(seen.filter((text) => text !== "").map(Number))].sort((x, y) => x - y);
    expect(generations.length).toBeLessThanOrEqual(2);
    expect(generations.at(-1)! - generations[0]!).toBeLessThanOrEqual(1);
    // It goes on: two more rounds.
    await box.untilLog(id, `round ${generations.at(-1)! + 2}.`);
  }
  expect(await refused("volume", "restore", "busy", "a")).toContain("volume is in use by running containers");
});

test("a clone is a volume of its own", async () => {
  await isle("volume", "create", "--label", "a=b", "origin");
  await inVolume("origin", "echo one > /v/file");
  await isle("volume", "snapshot", "origin", "then");
  await inVolume("origin", "echo two > /v/file");
  expect(await isle("volume", "clone", "origin", "now")).toBe("now");
  expect(await isle("volume", "clone", "--snapshot", "then", "origin", "past")).toBe("past");
  await inVolume("origin", "echo three > /v/file");
  expect([await inVolume("now", "cat /v/file"), await inVolume("past", "cat /v/file")]).toEqual(["two", "one"]);
  expect(await daemon.api.ok("GET", "/volumes/past")).toMatchObject({ Labels: { a: "b" } });
  expect(await refused("volume", "clone", "origin", "now")).toContain("exists already");
  expect(await refused("volume", "clone", "origin", "../x")).toContain("invalid characters");
  expect(await refused("volume", "clone", "--snapshot", "never", "origin", "other")).toContain(
    "no such snapshot: never",
  );
  expect(await refused("volume", "clone", "absent", "other")).toContain("no such volume");
  expect(await refused("volume", "snapshot", "origin", "then")).toContain("exists already");
  expect(await refused("volume", "snapshot", "origin", "../../x")).toContain("invalid snapshot name");
  expect(await refused("volume", "restore", "origin", "../snapshots/then")).toContain("no such snapshot");
});

test("an export becomes the same volume elsewhere, and a damaged one none", async () => {
  await inVolume(
    "data",
    "cd /v; chown 70 .; head -c 300000 /dev/urandom > random; mkdir deep; echo x > deep/file; cp random deep",
  );
  const file = join(daemon.directory, "data.tar");
  await isle("volume", "export", "-o", file, "data");
  const listed = await daemon.inNamespaces(["tar", "-tf", file]);
  expect(listed.stdout).toContain("./deep/file\n");
  expect(await isle("volume", "import", "--label", "from=there", file, "again")).toBe("again");
  const sums = "cd /v; find . -type f | sort | xargs sha256sum; stat -c '%u %a' .";
  expect(await inVolume("again", sums)).toBe(await inVolume("data", sums));
  expect(await refused("volume", "import", file, "again")).toContain("exists already");
  const whole = readFileSync(file);
  const changed = Buffer.from(whole);
  changed[150_000]! ^= 1;
  const damaged: [Buffer, string][] = [
    [changed, "does not match its checksum"],
    [whole.subarray(0, whole.length - 700), "no checksum at its end"],
    [whole.subarray(0, 100_000), "no checksum at its end"],
    [Buffer.alloc(0), "no checksum at its end"],
  ];
  for (const [bytes, reason] of damaged) {
    writeFileSync(file, bytes);
    expect(await refused("volume", "import", file, "damaged")).toContain(reason);
  }
  expect((await daemon.api.get("/volumes/damaged")).status).toBe(404);
  expect(halfMade()).toEqual([]);
});

test("a sized volume takes no more than its size, and gives its loop device back with its last user", async () => {
  await isle("volume", "create", "--opt", "size=16m", "small");
  const fill = "cd /v; ls -A; dd if=/dev/zero of=big bs=65536 count=500; wc -c < big; rm big; echo kept > file";
  const { stdout, stderr } = await box.run({ script: fill, ...mounting("small") });
  expect(stderr).toContain("No space left on device");
  const written = Number(stdout.trim());
  expect(written).toBeGreaterThan(10_000_000);
  expect(written).toBeLessThan(16 << 20);
  const loops = async () =>
    (await daemon.inNamespaces(["grep", "-c", "disk.img\\|/dev/loop", "/proc/self/mounts"])).stdout;
  expect(await loops()).toBe("0\n");
  await isle("volume", "snapshot", "small", "kept");
  const [first, second] = [await box.idle(mounting("small")), await box.idle(mounting("small"))];
  expect(await loops()).not.toBe("0\n");
  await box.exec(first!, "echo changed > /v/file");
  await isle("volume", "clone", "small", "copy");
  await box.remove(first!);
  expect((await box.exec(second!, "cat /v/file")).stdout).toBe("changed\n");
  await daemon.restart();
  await box.remove(second!);
  expect(await loops()).toBe("0\n");
  await isle("volume", "restore", "small", "kept");
  expect(await inVolume("small", "cat /v/file")).toBe("kept");
  expect(await inVolume("copy", "cat /v/file; df -m /v | tail -1")).toMatch(/^changed\n.* 1[0-6] /);
  const file = join(daemon.directory, "small.tar");
  await isle("volume", "export", "--snapshot", "kept", "-o", file, "small");
  await isle("volume", "import", "--opt", "size=8m", file, "imported");
  expect(await inVolume("imported", "cat /v/file; ls /v")).toBe("kept\nfile");
  expect(await loops()).toBe("0\n");
  expect(halfMade()).toEqual([]);
  const sizes = (await daemon.api.ok("GET", "/system/df")).Volumes as Json[];
  for (const { UsageData } of sizes) expect(UsageData.Size).toBeGreaterThan(100_000);
});

test("the options of a volume are refused before anything is made, and told when they cannot be mounted", async () => {
  const attempt = (DriverOpts: object) => daemon.api.post("/volumes/create", { json: { Name: "xx", DriverOpts } });
  const wrong: [object, string][] = [
    [{ size: "1m" }, "too small"],
    [{ size: "ten" }, "invalid size"],
    [{ size: "10m", type: "tmpfs", device: "tmpfs" }, "without a device"],
    [{ o: "bind" }, "missing required option"],
    [{ device: "/srv" }, "missing required option"],
    [{ other: "1" }, "invalid option"],
  ];
  for (const [options, reason] of wrong) {
    const { status, json } = await attempt(options);
    expect([options, status, json.message]).toEqual([options, 400, expect.stringContaining(reason)]);
  }
  expect((await daemon.api.get("/volumes/xx")).status).toBe(404);
  await daemon.inNamespaces([
    "sh",
    "-c",
    `mkdir -p ${daemon.directory}/bound; echo there > ${daemon.directory}/bound/file`,
  ]);
  const bind = { type: "none", o: "bind,ro", device: `${daemon.directory}/bound` };
  expect((await attempt(bind)).status).toBe(201);
  expect(await inVolume("xx", "cat /v/file; echo x > /v/new || true")).toBe("there");
  expect((await daemon.inNamespaces(["grep", "-c", "volumes/xx", "/proc/self/mounts"])).stdout).toBe("0\n");
  expect(await refused("volume", "create", "--opt", "size=8m", "xx")).toContain("with other options exists");
  expect(await refused("volume", "snapshot", "xx")).toContain("not isle's to copy");
  await daemon.api.ok("POST", "/volumes/create", {
    json: { Name: "lost", DriverOpts: { type: "none", o: "bind", device: "/nowhere" } },
  });
  const id = await box.create(mounting("lost"));
  const started = await daemon.api.post(`/containers/${id}/start`);
  expect([started.status, started.json.message]).toEqual([
    400,
    expect.stringContaining("failed to mount local volume"),
  ]);
});

test("copying to and from a stopped container reaches what its volumes' devices hold", async () => {
  await isle("volume", "create", "--opt", "size=8m", "sized");
  const id = await box.create(mounting("sized"));
  writeFileSync(join(daemon.directory, "letter"), "dear\n");
  await isle("cp", join(daemon.directory, "letter"), `${id}:/v/letter`);
  expect(await inVolume("sized", "cat /v/letter")).toBe("dear");
  await isle("cp", `${id}:/v/letter`, join(daemon.directory, "back"));
  expect(readFileSync(join(daemon.directory, "back"), "utf8")).toBe("dear\n");
});

test("an instance with a storage size writes no more than that, and is committed, copied and measured like any other", async () => {
  const HostConfig = { StorageOpt: { size: "16m" } };
  const script = "dd if=/dev/zero of=/big bs=65536 count=500; rm /big; echo kept > /kept; stat -c %a /";
  const { id, exitCode, stdout, stderr } = await box.finish({ script, HostConfig });
  expect([exitCode, stdout]).toEqual([0, "755\n"]);
  expect(stderr).toContain("No space left on device");
  const mounts = async () => (await daemon.inNamespaces(["grep", "-c", "/dev/loop", "/proc/self/mounts"])).stdout;
  // What a run held is given back after its end was told.
  await eventually(mounts, (count) => expect(count).toBe("0\n"), 30_000);
  expect(await daemon.api.ok("GET", `/containers/${id}/changes`)).toEqual([{ Path: "/kept", Kind: 1 }]);
  const [listed] = await daemon.api.ok("GET", "/containers/json", { query: { all: true, size: true } });
  expect(listed.SizeRw).toBe(5);
  await isle("commit", id, "committed");
  expect(await box.output("cat /kept", { Image: "committed" })).toBe("kept");
  await isle("cp", `${id}:/kept`, join(daemon.directory, "kept"));
  expect(readFileSync(join(daemon.directory, "kept"), "utf8")).toBe("kept\n");
  await daemon.api.ok("POST", `/containers/${id}/start`);
  await daemon.kill();
  await daemon.restart();
  await box.remove(id);
  expect(await mounts()).toBe("0\n");
  const wrong: [object, string][] = [
    [{ size: "1m" }, "too small"],
    [{ size: "many" }, "invalid size"],
    [{ other: "1" }, "Unknown option other"],
  ];
  for (const [StorageOpt, reason] of wrong) {
    const json = { Image: "busybox", HostConfig: { StorageOpt } };
    const reply = await daemon.api.post("/containers/create", { json });
    expect([reply.status, reply.json.message]).toEqual([400, expect.stringContaining(reason)]);
  }
});
