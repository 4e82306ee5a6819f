import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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
  await podman(["kill", "stays"]);
  await podman(["wait", "stays"]);
  const copied = await podman(["cp", "stays:/made", join(directory, "made")]);
  expect(copied.exitCode).toBe(0);
  expect((await podman(["rm", "-f", "stays"])).exitCode).toBe(0);
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
