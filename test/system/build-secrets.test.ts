import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

let daemon: TestDaemon;
let context: string;
beforeAll(async () => {
  // As /run is on a real machine.
  daemon = await startDaemon({
    prepare: async ({ execRoot, inNamespaces }) => {
      mkdirSync(execRoot);
      await inNamespaces(["mount", "-t", "tmpfs", "tmpfs", execRoot]);
    },
  });
  context = join(daemon.directory, "context");
  mkdirSync(context);
});
afterAll(() => daemon.stop());

const secret = "correct-horse-battery-staple";
/** Files on a disk that hold the secret. */
const onDisk = async (): Promise<string> => {
  const search = ["find", daemon.dataRoot, daemon.execRoot, "-xdev", "-not", "-fstype", "tmpfs", "-type", "f"];
  return (await daemon.inNamespaces([...search, "-exec", "grep", "-lF", secret, "{}", "+"])).stdout;
};

test("while a step has secrets as a file and as a variable, no disk has them", async () => {
  writeFileSync(
    join(context, "Dockerfile"),
    'FROM busybox\nRUN --mount=type=secret,id=s --mount=type=secret,id=s,env=S test -n "$S" && cp /run/secrets/s /dev/shm/ && echo begun && until [ -e /go ]; do sleep 0.1; done\n',
  );
  const flags = ["--progress", "plain", "--secret", "id=s,env=SECRET", context];
  const running = daemon.cli(["build", ...flags], { env: { SECRET: secret }, timeoutMs: 60_000 });
  const step = async () =>
    (await daemon.inNamespaces(["pgrep", "-f", "until \\[ -e /go"])).stdout.trim().split("\n")[0];
  let pid = "";
  while (pid === "") {
    pid = (await step()) ?? "";
    await Bun.sleep(50);
  }
  const seen = await daemon.inNamespaces(["cat", `/proc/${pid}/environ`]);
  expect(seen.stdout).toContain(secret);
  expect(await onDisk()).toBe("");
  await daemon.inNamespaces(["nsenter", "-t", pid, "--user", "--mount", "--root", "--", "/bin/touch", "/go"]);
  const { exitCode, stderr } = await running;
  expect(exitCode, stderr).toBe(0);
  expect(await onDisk()).toBe("");
});

test("a daemon killed while a step has a secret leaves it on no disk, and the next one clears the memory", async () => {
  writeFileSync(
    join(context, "Dockerfile"),
    "FROM busybox\nRUN --mount=type=secret,id=s --mount=type=secret,id=s,env=S sleep 600\n",
  );
  const flags = ["--secret", "id=s,env=SECRET", context];
  const running = daemon.cli(["build", ...flags], { env: { SECRET: secret }, timeoutMs: 60_000 });
  while ((await daemon.inNamespaces(["pgrep", "-f", "sleep 600"])).stdout === "") await Bun.sleep(50);
  await daemon.kill();
  await running;
  expect(await onDisk()).toBe("");
  await daemon.restart();
  const mounts = await daemon.inNamespaces(["grep", "-c", "/memory-", "/proc/mounts"]);
  expect(mounts.stdout.trim()).toBe("0");
});

test("a secret may be as large as a machine's certificates, and one that is too large is refused by its size", async () => {
  const file = join(daemon.directory, "certificates");
  writeFileSync(
    join(context, "Dockerfile"),
    "FROM busybox\nRUN --mount=type=secret,id=s wc -c < /run/secrets/s > /n\n",
  );
  writeFileSync(file, "x".repeat(400_000));
  const flags = ["-q", "--secret", `id=s,src=${file}`, "-o", "-", context];
  const made = await daemon.cli(["build", ...flags]);
  expect(made.exitCode, made.stderr).toBe(0);
  expect(made.stdout).toContain("400000\n");
  writeFileSync(file, "x".repeat(600_000));
  const { exitCode, stderr } = await daemon.cli(["build", ...flags]);
  expect([exitCode, stderr]).toEqual([
    1,
    "isle: the secrets are too large: 600000 bytes, at most 500000 go with a build\n",
  ]);
});
