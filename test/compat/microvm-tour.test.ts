import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isleBinary, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { plainOutput } from "./plain-output.ts";
import { tourSteps } from "./tour-steps.ts";

/** Steps in which a machine of its own differs from a container by its nature, and why. */
const differences: ReadonlyArray<readonly [step: string | RegExp, why: string]> = [
  ["{{.DefaultRuntime}}", "it tells the runtime"],
  ["--privileged --cap-drop ALL busybox grep", "a warning: no devices of the host for a kernel of its own"],
  ["docker inspect -s -f '{{.SizeRootFs}}' idle", "the writable disk has the bones of a file system"],
  ["docker top web -o pid,comm", "the host's ps does not see its processes"],
  ["'{{.Name}} {{.PIDs}}' web", "what the host counts are the threads of its processor"],
  ["--device /dev/null:/dev/nothing", "refused: a device of the host is another kernel's"],
  ["--device /dev/nosuch", "refused before the device is looked for"],
  ["--pid container:web", "refused: processes of another kernel"],
  ["--network container:", "refused: a network stack of its own"],
  [/^docker container prune -f$/, "the size of its disk"],
];

const daemons: TestDaemon[] = [];

beforeAll(async () => {
  const configs = [{}, { "default-runtime": "isle-vm" }];
  daemons.push(...(await Promise.all(configs.map((config) => startDaemon({ config })))));
  for (const { directory } of daemons) mkdirSync(join(directory, "tour"));
}, 60_000);

afterAll(async () => {
  await Promise.all(daemons.map((daemon) => daemon.stop()));
});

for (const step of tourSteps) {
  test(`a container and a microVM answer alike: ${step}`, async () => {
    const [container, machine] = await Promise.all(daemons.map((daemon) => take(daemon, step)));
    if (differences.some(([part]) => (typeof part === "string" ? step.includes(part) : part.test(step))))
      expect(machine).not.toEqual(container!);
    else expect(machine).toEqual(container!);
  });
}

async function take({ directory, socket, inNamespaces }: TestDaemon, step: string) {
  const plain = plainOutput([directory]);
  const script = `cd ${directory}/tour; docker() { ${isleBinary} "$@"; }\n${step}`;
  const env = { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: join(directory, "docker-config"), TZ: "UTC" };
  const { exitCode, stdout, stderr } = await inNamespaces(["sh", "-c", script], { env, timeoutMs: 110_000 });
  // Both name the runtime that complains.
  return { exitCode, stdout: plain(stdout), stderr: plain(stderr).replaceAll("docker-vm", "crun") };
}
