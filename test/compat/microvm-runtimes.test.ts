import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { busyboxRoot } from "../support/busybox-root.ts";
import { isleBinary } from "../support/daemon.ts";
import { type CommandOptions, openNamespaces, type TestNamespaces } from "../support/namespaces.ts";

/** isle-vm under engines of others: the root comes to the guest from the host, as it is for any OCI runtime. */
const runtime = join(dirname(isleBinary), "isle-vm");
const podmanProgram = findProgram("podman");
const ctrProgram = findProgram("ctr") && findProgram("containerd");
if (!podmanProgram) console.log("SKIPPED isle-vm under Podman: it is not installed");
if (!ctrProgram) console.log("SKIPPED isle-vm under containerd: it is not installed");

let namespaces: TestNamespaces;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "isle-runtimes-"));
  writeFileSync(join(directory, "busybox.tar"), await busyboxRoot());
  namespaces = await openNamespaces();
  // Engines write below /run, and do not all know what to do with two versions of control groups at once.
  await namespaces.run(["sh", "-c", "mount -t tmpfs run /run; umount /sys/fs/cgroup/unified 2>/dev/null; true"]);
});

afterAll(async () => {
  await namespaces?.close();
  rmSync(directory, { recursive: true, force: true });
});

const initrds = "/var/cache/isle/kernels/*/initrd*";

const podman = (args: readonly string[], options: CommandOptions = {}) => {
  const place = (flag: string, name: string) => [`--${flag}`, join(directory, name)];
  const flags = [...place("root", "storage"), ...place("runroot", "run"), "--cgroup-manager", "cgroupfs"];
  const more = ["--events-backend", "file", "--storage-driver", "overlay", "--runtime", runtime];
  return namespaces.run([podmanProgram!, ...flags, ...more, ...args], { timeoutMs: 110_000, ...options });
};

test.skipIf(!podmanProgram)("Podman runs it: exit codes, input, commands inside, files of what has ended", async () => {
  expect((await podman(["import", join(directory, "busybox.tar"), "busybox"])).exitCode).toBe(0);
  const alone = ["--network", "none", "busybox"];
  const first = await podman(["run", "--rm", ...alone, "sh", "-c", "uname -r; echo problem >&2; exit 5"]);
  expect(first.exitCode).toBe(5);
  expect(first.stderr).toContain("problem\n");
  expect(first.stdout.trim()).not.toBe((await namespaces.run(["uname", "-r"])).stdout.trim());
  expect((await podman(["run", "--rm", "-i", ...alone, "cat"], { input: "through" })).stdout).toBe("through");
  await podman(["run", "-d", "--name", "stays", ...alone, "sh", "-c", "echo made > /made; sleep 1000"]);
  const inside = await podman(["exec", "stays", "sh", "-c", "until cat /made; do sleep 0.1; done; exit 3"]);
  expect([inside.exitCode, inside.stdout]).toEqual([3, "made\n"]);
  const onTerminal = await podman(["exec", "-t", "stays", "sh", "-c", "tty; exit 4"]);
  expect([onTerminal.exitCode, onTerminal.stdout]).toEqual([4, expect.stringMatching(/^\/dev\/pts\/\d+\r\n$/)]);
  await podman(["kill", "stays"]);
  await podman(["wait", "stays"]);
  const copied = await podman(["cp", "stays:/made", join(directory, "made")]);
  expect(copied.exitCode).toBe(0);
  expect((await podman(["rm", "-f", "stays"])).exitCode).toBe(0);
});

test.skipIf(!podmanProgram)(
  "under Podman too a start goes on from a template, which the first one left to be made",
  async () => {
    // Those of this machine stay as they are.
    const templates = "/var/cache/isle/templates";
    await namespaces.run(["sh", "-c", `mkdir -p ${templates}; mount -t tmpfs templates ${templates}`]);
    const start = ["run", "--rm", "--network", "none", "busybox", "echo", "started"];
    expect((await podman(start)).stdout).toBe("started\n");
    await namespaces.run(["sh", "-c", `until ls ${templates}/*/manifest.json; do sleep 0.1; done`], {
      timeoutMs: 110_000,
    });
    // None could boot from nothing.
    await namespaces.run(["sh", "-c", `for file in ${initrds}; do mount --bind /dev/null $file; done`]);
    expect((await podman(start)).stdout).toBe("started\n");
    await namespaces.run(["sh", "-c", `umount ${initrds}`]);
  },
);

test("hooks run around the container's life, and those that would have to run inside are refused", async () => {
  const bundle = join(directory, "bundle");
  const status = `$(sed 's/.*"status":"\\([a-z]*\\)".*/\\1/')`;
  const note = (name: string) => [{ path: "/bin/sh", args: ["sh", "-c", `echo ${name} ${status} >> ${bundle}/notes`] }];
  const hooks = { createRuntime: note("created"), poststart: note("started"), poststop: note("stopped") };
  // What stands for the container keeps these streams, so that they are none that are waited for.
  const said = join(directory, "said");
  const isleVm = (command: string) => {
    const line = `${runtime} --root ${directory}/state ${command} hooked </dev/null >/dev/null 2>${said}`;
    return namespaces.run(["sh", "-c", line], { timeoutMs: 110_000 });
  };
  await namespaces.run(["sh", "-c", `mkdir -p ${bundle}/root && tar -C ${bundle}/root -xf ${directory}/busybox.tar`]);
  const config = {
    ociVersion: "1.0.2",
    root: { path: "root" },
    process: { args: ["sleep", "1000"], cwd: "/", env: ["PATH=/bin"], user: { uid: 0, gid: 0 } },
    linux: { namespaces: ["pid", "mount", "network"].map((type) => ({ type })) },
  };
  writeFileSync(join(bundle, "config.json"), JSON.stringify({ ...config, hooks: { createContainer: note("inside") } }));
  expect((await isleVm(`create --bundle ${bundle}`)).exitCode).toBe(1);
  expect(readFileSync(said, "utf8")).toContain("createContainer hooks cannot run in a microVM");
  writeFileSync(join(bundle, "config.json"), JSON.stringify({ ...config, hooks }));
  for (const command of [`create --bundle ${bundle}`, "start", "delete --force"]) {
    expect([command, (await isleVm(command)).exitCode]).toEqual([command, 0]);
  }
  expect(readFileSync(join(bundle, "notes"), "utf8")).toBe("created creating\nstarted running\nstopped stopped\n");
});

test.skipIf(!ctrProgram)("containerd runs it through its shim", async () => {
  const script = [
    `containerd --root ${directory}/ctd --state /run/ctd --address /run/ctd.sock >/run/ctd.log 2>&1 &`,
    "until ctr -a /run/ctd.sock version >/dev/null 2>&1; do sleep 0.2; done",
    `mkdir ${directory}/root && tar -C ${directory}/root -xf ${directory}/busybox.tar`,
    `ctr -a /run/ctd.sock run --rm --rootfs --runtime io.containerd.runc.v2 --runc-binary ${runtime} ${directory}/root one uname -r`,
  ];
  const { exitCode, stdout } = await namespaces.run(["sh", "-c", script.join("\n")], { timeoutMs: 110_000 });
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^\d+\.\d+/);
});
