import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { isleBinary, startDaemon, type TestDaemon } from "../support/daemon.ts";
import { plainOutput } from "./plain-output.ts";
import { tourSteps } from "./tour-steps.ts";

/** One client with the daemon it talks to. */
interface Traveller {
  readonly daemon: TestDaemon;
  readonly program: string;
  readonly plain: (text: string) => string;
}

const dockerProgram = findProgram("docker");
const withDocker = test.skipIf(dockerProgram === undefined);
if (!dockerProgram) console.log("SKIPPED the tour: there is no docker client");

const travellers: Traveller[] = [];

beforeAll(async () => {
  if (dockerProgram) travellers.push(...(await Promise.all([isleBinary, dockerProgram].map(setOut))));
}, 60_000);

afterAll(async () => {
  await Promise.all(travellers.map(({ daemon }) => daemon.stop()));
});

for (const step of tourSteps) {
  withDocker(`both clients answer alike: ${step}`, async () => {
    const [isle, docker] = await Promise.all(travellers.map((traveller) => take(traveller, step)));
    expect(isle).toEqual(docker!);
  });
}

async function setOut(program: string): Promise<Traveller> {
  const daemon = await startDaemon();
  mkdirSync(join(daemon.directory, "tour"));
  return { daemon, program, plain: plainOutput([daemon.directory]) };
}

async function take({ daemon, program, plain }: Traveller, step: string) {
  const script = `cd ${daemon.directory}/tour; docker() { ${program} "$@"; }\n${step}`;
  const env = {
    DOCKER_HOST: `unix://${daemon.socket}`,
    DOCKER_CONFIG: join(daemon.directory, "docker-config"),
    TZ: "UTC",
  };
  const { exitCode, stdout, stderr } = await daemon.inNamespaces(["sh", "-c", script], { env });
  return { exitCode, stdout: plain(stdout), stderr: plain(stderr) };
}
