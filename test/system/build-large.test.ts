import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  closeSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { Containers } from "../support/containers.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

/** `ISLE_LARGE_CONTEXT` asks for the full size: 100,000 files and one of 2 GB. */
const isFull = process.env["ISLE_LARGE_CONTEXT"] !== undefined;
const [fileCount, largeBytes] = isFull ? [100_000, 2 * 2 ** 30] : [1500, 64 << 20];

let daemon: TestDaemon;
let box: Containers;
let context: string;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
  context = join(daemon.directory, "context");
});
afterEach(async () => {
  await box.clear();
  rmSync(context, { recursive: true, force: true });
});
afterAll(() => daemon.stop());

const write = (files: Readonly<Record<string, string>>): void => writeContext(context, files);

const build = (...flags: string[]) => daemon.cli(["build", "-t", "built", ...flags, context], { timeoutMs: 600_000 });
const shown = (command: string): Promise<string> => box.output(command, { Image: "built" });
const leftBehind = async (): Promise<string[]> =>
  (await daemon.inNamespaces(["ls", join(daemon.dataRoot, "builds")])).stdout
    .split("\n")
    .filter((name) => name !== "" && !/^(cache|context-)/.test(name));

test(`a context of ${fileCount} files arrives whole, and only what has changed the second time`, async () => {
  write({ Dockerfile: "FROM busybox\nCOPY . /all\n" });
  for (let index = 0; index < fileCount; index += 1) {
    if (index % 1000 === 0) mkdirSync(join(context, `d${index / 1000}`));
    writeFileSync(join(context, `d${Math.floor(index / 1000)}`, `file-${index}`), `${index}\n`);
  }
  const first = await build();
  expect(first.exitCode, first.stderr).toBe(0);
  const count = "find /all -type f | wc -l";
  expect(await shown(`${count}; cat /all/d1/file-1499`)).toBe(`${fileCount + 1}\n1499`);
  writeFileSync(join(context, "d1", "file-1499"), "changed\n");
  const begin = performance.now();
  expect((await build()).exitCode).toBe(0);
  if (isFull) console.log(`a change among ${fileCount} files: ${Math.round(performance.now() - begin)} ms`);
  expect(await shown(`${count}; cat /all/d1/file-1499`)).toBe(`${fileCount + 1}\nchanged`);
}, 900_000);

test(`a file of ${largeBytes / 2 ** 20} MB arrives as it was, without filling the daemon's memory`, async () => {
  write({ Dockerfile: "FROM busybox\nCOPY large /large\n" });
  const block = Buffer.alloc(1 << 20);
  const hash = createHash("sha256");
  const file = openSync(join(context, "large"), "w");
  for (let at = 0; at < largeBytes; at += block.length) {
    block.writeUInt32LE(at / block.length, (at * 7) % (block.length - 4));
    hash.update(block);
    writeSync(file, block);
  }
  closeSync(file);
  const { exitCode, stderr } = await build();
  expect(exitCode, stderr).toBe(0);
  expect(await shown("sha256sum < /large")).toBe(`${hash.digest("hex")}  -`);
  const peakBytes = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${daemon.pid()}/status`, "utf8"))?.[1]) * 1024;
  expect(peakBytes).toBeGreaterThan(0);
  expect(peakBytes).toBeLessThan(700 << 20);
}, 900_000);

test("sparse files, links to links, loops and hard links come as they are", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY . /all\n", a: "a", "dir/f": "f" });
  const sparse = openSync(join(context, "sparse"), "w");
  ftruncateSync(sparse, 8 << 20);
  closeSync(sparse);
  linkSync(join(context, "a"), join(context, "hard"));
  symlinkSync("hard", join(context, "l1"));
  symlinkSync("l1", join(context, "l2"));
  symlinkSync("loop2", join(context, "loop1"));
  symlinkSync("loop1", join(context, "loop2"));
  symlinkSync("..", join(context, "dir", "up"));
  symlinkSync("/proc/self/root", join(context, "proc"));
  const { exitCode, stderr } = await build();
  expect(exitCode, stderr).toBe(0);
  expect(
    await shown("cd /all; cat l2; readlink loop1; readlink dir/up; readlink proc; wc -c < sparse; stat -c %h hard"),
  ).toBe(`aloop2\n..\n/proc/self/root\n${8 << 20}\n2`);
  const tricks: ReadonlyArray<readonly [string, string]> = [
    ["COPY loop1/x /x", "not found"],
    ["COPY dir/up/up/up/../../etc/shadow /x", "not found"],
    ["COPY proc/etc/shadow /x", "not found"],
    ["ADD proc/etc/passwd /x", "not found"],
    ["RUN --mount=source=proc/etc,target=/m cat /m/shadow", "not found"],
    ["RUN --mount=source=loop1,target=/m ls /m", "loop1"],
  ];
  for (const [step, why] of tricks) {
    write({ Dockerfile: `FROM busybox\n${step}\n` });
    const refused = await build();
    expect([step, refused.exitCode, refused.stderr]).toEqual([step, 1, expect.stringContaining(why)]);
  }
}, 60_000);

test("a file that turns into a link while it is sent leads nowhere", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY . /all\n" });
  for (let index = 0; index < 100; index += 1) write({ [`many/${index}`]: "x".repeat(100) });
  const swap = `cd ${context}/many; while [ -e ../Dockerfile ]; do for i in 1 50 99; do ln -sfn /etc/shadow $i; rm -f $i; echo x > $i; done; sleep 0.01; done`;
  const swapping = daemon.inNamespaces(["sh", "-c", swap], { timeoutMs: 60_000 });
  for (let tries = 0; tries < 3; tries += 1) {
    const { exitCode } = await build("--no-cache");
    if (exitCode !== 0) continue;
    const found = await shown("cd /all/many; for i in 1 50 99; do [ -L $i ] || grep -l root: $i; done; true");
    expect(found).toBe("");
    await box.clear();
  }
  rmSync(join(context, "Dockerfile"));
  await swapping;
}, 120_000);

test("a client that vanishes in the middle of its context leaves nothing", async () => {
  write({ Dockerfile: "FROM busybox\nCOPY . /all\n" });
  const half = async (headers: Readonly<Record<string, string>>, query: string): Promise<void> => {
    const sending = request({ socketPath: daemon.socket, method: "POST", path: `/build?${query}`, headers });
    sending.on("error", () => {});
    const { stdout } = await daemon.inNamespaces(["sh", "-c", `tar -C ${context} -cf - . | base64 -w0`]);
    const whole = Buffer.from(stdout, "base64");
    await new Promise<void>((resolve) => sending.write(whole.subarray(0, 700), () => resolve()));
    while ((await leftBehind()).length === 0) await Bun.sleep(20);
    sending.destroy();
  };
  const type = { "Content-Type": "application/x-tar" };
  for (const query of ["t=gone", `t=gone&context=${"c".repeat(64)}&base=&events=1`]) {
    await half(type, query);
    for (let tries = 0; tries < 300 && (await leftBehind()).length > 0; tries += 1) await Bun.sleep(50);
    expect(await leftBehind()).toEqual([]);
  }
  expect((await build()).exitCode).toBe(0);
}, 60_000);
