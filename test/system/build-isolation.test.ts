import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { runscProgram, withRunsc } from "../support/runsc.ts";

let daemon: TestDaemon;
let box: Containers;
let context: string;
beforeAll(async () => {
  daemon = await startDaemon({ env: withRunsc() });
  box = new Containers(daemon.api);
  context = join(daemon.directory, "context");
  mkdirSync(context);
  const steps = [
    "FROM busybox",
    "COPY given /given",
    "RUN uname -r > /kernel; cat /given > /seen; rm /given; chown 7:8 /seen",
    'RUN --mount=type=secret,id=s,env=S test "$S" = four',
    "RUN --mount=type=secret,id=s wc -c < /run/secrets/s >> /seen",
  ];
  writeFileSync(join(context, "Dockerfile"), `${steps.join("\n")}\n`);
  writeFileSync(join(context, "given"), "from the context\n");
  writeFileSync(join(daemon.directory, "secret"), "four");
});
afterEach(() => box.clear());
afterAll(() => daemon.stop());

async function buildIn(isolation: string): Promise<string> {
  const flags = ["--isolation", isolation, "--secret", `id=s,src=${join(daemon.directory, "secret")}`];
  const made = await daemon.cli(["build", "-t", isolation, ...flags, context], { timeoutMs: 110_000 });
  expect(made.exitCode, made.stderr).toBe(0);
  const shown = await box.output("cat /seen; stat -c %u:%g /seen; ls /given 2>/dev/null; cat /kernel", {
    Image: isolation,
  });
  const [kernel, ...rest] = shown.split("\n").reverse();
  expect(rest.reverse()).toEqual(["from the context", "4", "7:8"]);
  return kernel!;
}

const hostKernel = async (): Promise<string> => (await daemon.inNamespaces(["uname", "-r"])).stdout.trim();

test.skipIf(!runscProgram)("the steps of a build run in sandboxes, and their files make the image", async () => {
  expect(await buildIn("sandbox")).not.toBe(await hostKernel());
});

test("the steps of a build run in microVMs, and their files make the image", async () => {
  expect(await buildIn("microvm")).not.toBe(await hostKernel());
});
