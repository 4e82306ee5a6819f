import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../src/os/find-program.ts";
import { composeProgram } from "../support/compose.ts";
import { Containers } from "../support/containers.ts";
import { writeContext } from "../support/context-files.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";
import { debianBuildx, installPlugins, newestPlugins } from "../support/docker-plugins.ts";
import { Repository, type Sources, startSources } from "../support/sources.ts";

/** Clients by their age: Debian's stable ones, and the newest where there is a root with peers. */
const clients = [
  { age: "stable", buildx: debianBuildx, compose: composeProgram },
  { age: "newest", buildx: join(newestPlugins, "docker-buildx"), compose: join(newestPlugins, "docker-compose") },
].filter(({ buildx }) => findProgram("docker") !== undefined && findProgram("git") !== undefined && existsSync(buildx));
if (!clients.some(({ age }) => age === "newest"))
  console.log("SKIPPED the newest buildx and Compose: there is no root with peers");
if (clients.length === 0) console.log("SKIPPED docker buildx bake: there is no docker client with buildx");

let daemon: TestDaemon;
let box: Containers;
let sources: Sources;
let context: string;
let out: string;
beforeAll(async () => {
  if (clients.length === 0) return;
  daemon = await startDaemon();
  sources = await startSources(daemon);
  box = new Containers(daemon.api);
  [context, out] = [join(daemon.directory, "context"), join(daemon.directory, "out")];
});
afterEach(async () => {
  await box?.clear();
  for (const path of context ? [context, out] : []) rmSync(path, { recursive: true, force: true });
});
afterAll(async () => {
  await sources?.stop();
  await daemon?.stop();
});

/** A directory of Docker's client with that plugin. */
function clientConfig(age: string, programs: Readonly<Record<string, string>>): string {
  const directory = join(daemon.directory, `config-${age}`);
  installPlugins(directory, programs);
  return directory;
}

const shown = (Image: string, command: string): Promise<string> => box.output(command, { Image });

const bakeFile = `
group "default" { targets = ["app", "files"] }
target "base" {
  dockerfile-inline = "FROM busybox\\nENV GREETING=hello\\nWORKDIR /srv\\nRUN echo made > made\\n"
}
target "data" {
  dockerfile-inline = "FROM scratch\\nCOPY data /data\\n"
}
target "app" {
  contexts = { base = "target:base", data = "target:data" }
  dockerfile-inline = <<EOT
FROM base
COPY --from=data /data /copied
RUN --mount=from=data,target=/m cat /m/data > mounted; echo $GREETING > said
EOT
  tags = ["app"]
}
target "files" {
  contexts = { app = "target:app" }
  dockerfile-inline = "FROM scratch\\nCOPY --from=app /srv /\\n"
  output = ["type=local,dest=${"${OUT}"}"]
}
variable "OUT" { default = "" }
`;

for (const { age, buildx, compose } of clients) {
  test(`docker buildx bake (${age}) hands results of targets to others`, async () => {
    writeContext(context, { "docker-bake.hcl": bakeFile, data: "of the context\n" });
    const env = { TMPDIR: daemon.directory, DOCKER_CONFIG: clientConfig(age, { "docker-buildx": buildx }), OUT: out };
    const flags = ["buildx", "bake", "--progress", "plain", "-f", join(context, "docker-bake.hcl")];
    const set = ["--set", `*.context=${context}`, ...(age === "newest" ? ["--allow", `fs=${daemon.directory}`] : [])];
    const { exitCode, stderr } = await daemon.docker([...flags, ...set], { env, timeoutMs: 120_000 });
    expect(exitCode, stderr).toBe(0);
    expect(await shown("app", "cat made mounted said /copied; pwd")).toBe(
      "made\nof the context\nhello\nof the context\n/srv",
    );
    expect(readFileSync(join(out, "said"), "utf8")).toBe("hello\n");
  });

  const asks = execFileSync(buildx, ["bake", "--help"]).toString().includes("--check");
  test.skipIf(!asks)(`docker buildx bake (${age}) answers questions about targets on others`, async () => {
    const file = `
target "base" { dockerfile-inline = "FROM busybox\\n" }
target "app" {
  contexts = { base = "target:base" }
  dockerfile-inline = "from base\\n# Says so\\nARG HELLO=1\\nRUN echo $HELLO\\n"
}
`;
    writeContext(context, { "docker-bake.hcl": file });
    const env = { DOCKER_CONFIG: clientConfig(age, { "docker-buildx": buildx }) };
    const ask = (flag: string) =>
      daemon.docker(["buildx", "bake", "-f", join(context, "docker-bake.hcl"), flag, "app"], { env });
    const outline = await ask("--call=outline");
    expect([outline.exitCode, outline.stdout], outline.stderr).toEqual([0, expect.stringMatching(/HELLO\s+1/)]);
    const checked = await ask("--check");
    expect([checked.exitCode, checked.stdout], checked.stderr).toEqual([
      1,
      expect.stringContaining("ConsistentInstructionCasing"),
    ]);
  });

  test(`docker buildx bake (${age}) links each platform's result`, async () => {
    const file = `
target "base" {
  dockerfile-inline = "FROM scratch\\nARG TARGETARCH\\nCOPY $TARGETARCH /arch\\n"
  platforms = ["linux/amd64", "linux/arm64"]
}
target "app" {
  contexts = { base = "target:base" }
  dockerfile-inline = "FROM base AS b\\nFROM scratch\\nCOPY --from=b /arch /\\nCOPY --from=base /arch /again\\n"
  platforms = ["linux/amd64", "linux/arm64"]
  output = ["type=local,dest=${out}"]
}
`;
    writeContext(context, { "docker-bake.hcl": file, amd64: "amd64", arm64: "arm64" });
    const env = { TMPDIR: daemon.directory, DOCKER_CONFIG: clientConfig(age, { "docker-buildx": buildx }) };
    const flags = ["buildx", "bake", "--progress", "plain", "-f", join(context, "docker-bake.hcl"), "app"];
    const set = ["--set", `*.context=${context}`, ...(age === "newest" ? ["--allow", `fs=${daemon.directory}`] : [])];
    const { exitCode, stderr } = await daemon.docker([...flags, ...set], { env, timeoutMs: 120_000 });
    expect(exitCode, stderr).toBe(0);
    for (const architecture of ["amd64", "arm64"]) {
      const files = ["arch", "again"].map((name) => readFileSync(join(out, `linux_${architecture}`, name), "utf8"));
      expect(files).toEqual([architecture, architecture]);
    }
  });

  test(`docker buildx bake (${age}) reads what to build from a repository`, async () => {
    new Repository(sources.directory, `baked-${age}`).commit({
      "docker-bake.hcl": `target "default" { tags = ["baked"] }\n`,
      Dockerfile: "FROM busybox\nCOPY f /f\n",
      f: "from git\n",
    });
    const env = { TMPDIR: daemon.directory, DOCKER_CONFIG: clientConfig(age, { "docker-buildx": buildx }) };
    const args = ["buildx", "bake", "--progress", "plain", `${sources.git}/baked-${age}.git`];
    const { exitCode, stderr } = await daemon.docker(args, { env, timeoutMs: 120_000 });
    expect(exitCode, stderr).toBe(0);
    expect(await shown("baked", "cat /f")).toBe("from git");
    const alone = `target "default" {\n tags = ["alone"]\n dockerfile-inline = "FROM busybox\\nRUN echo url > /f"\n}\n`;
    writeFileSync(join(sources.directory, "alone.hcl"), alone);
    writeContext(context, { f: "" });
    const url = ["buildx", "bake", "--progress", "plain", `${sources.http}/alone.hcl`, "--set", `*.context=${context}`];
    const fetched = await daemon.docker([...url, ...(age === "newest" ? ["--allow", `fs=${daemon.directory}`] : [])], {
      env,
    });
    expect(fetched.exitCode, fetched.stderr).toBe(0);
    expect(await shown("alone", "cat /f")).toBe("url");
  });

  // Older ones do not know `service:`.
  test.skipIf(age === "stable" || !existsSync(compose))(
    `docker compose build (${age}) builds on another service's result`,
    async () => {
      const file = `
name: linked
services:
  base:
    image: linked-base
    build: { dockerfile_inline: "FROM busybox\\nENV FROM_BASE=yes\\nRUN echo based > /based\\n" }
  app:
    image: linked-app
    build:
      additional_contexts: { base: "service:base" }
      dockerfile_inline: "FROM base\\nRUN echo $$FROM_BASE > /said\\n"
`;
      writeContext(context, { "compose.yaml": file });
      const env = {
        TMPDIR: daemon.directory,
        DOCKER_CONFIG: clientConfig(age, { "docker-buildx": buildx, "docker-compose": compose }),
      };
      const args = ["compose", "--project-directory", context, "-f", join(context, "compose.yaml"), "build"];
      const { exitCode, stderr, stdout } = await daemon.docker(args, { env, timeoutMs: 120_000 });
      expect(exitCode, stdout + stderr).toBe(0);
      expect(await shown("linked-app", "cat /based /said")).toBe("based\nyes");
    },
  );
}
