// What programs do with dockerode, against the daemon that DOCKER_HOST names; run by Node itself.
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import Docker from "dockerode";

const docker = new Docker();
const registry = process.env.REGISTRY;

/** Both streams of a container without a terminal, once they ended. */
async function demuxed(stream) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on("end", () => {
    out.end();
    err.end();
  });
  const [stdout, stderr] = await Promise.all([text(out), text(err)]);
  return { stdout, stderr };
}

const followed = (stream) =>
  new Promise((resolve, reject) =>
    docker.modem.followProgress(stream, (error, lines) => (error ? reject(error) : resolve(lines))),
  );

async function idle(options = {}) {
  const container = await docker.createContainer({ Image: "busybox", Cmd: ["sleep", "1000"], ...options });
  await container.start();
  return container;
}

test("run tells the output and the exit code", async () => {
  const output = new PassThrough();
  const printed = text(output);
  const [{ StatusCode }, container] = await docker.run("busybox", ["sh", "-c", "echo hello; exit 3"], output, {
    Tty: true,
  });
  output.end();
  assert.equal(StatusCode, 3);
  assert.equal(await printed, "hello\r\n");
  await container.remove();
});

test("a container is attached to, fed, and waited for", async () => {
  const container = await docker.createContainer({ Image: "busybox", Cmd: ["cat"], OpenStdin: true, StdinOnce: true });
  const stream = await container.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
  const output = demuxed(stream);
  await container.start();
  stream.end("through the container\n");
  assert.deepEqual(await output, { stdout: "through the container\n", stderr: "" });
  assert.deepEqual(await container.wait(), { StatusCode: 0 });
  await container.remove();
});

test("commands run in a container, with input, a terminal and an exit code", async () => {
  const container = await idle();
  const exec = await container.exec({
    Cmd: ["sh", "-c", "cat; echo warning >&2; exit 7"],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  const output = demuxed(stream);
  stream.end("fed\n");
  assert.deepEqual(await output, { stdout: "fed\n", stderr: "warning\n" });
  assert.equal((await exec.inspect()).ExitCode, 7);
  // A terminal has no size until the runtime passes one on, which can be after the command began; and what is printed
  // in between can be lost with some runtimes.
  const whenSized = "sleep 0.3; until stty size 2>/dev/null; do :; done";
  const terminal = await container.exec({ Cmd: ["sh", "-c", whenSized], Tty: true, AttachStdout: true });
  const shown = await terminal.start({ hijack: true, Tty: true });
  assert.match(await text(shown), /^\d+ \d+\r\n$/);
  await container.remove({ force: true });
});

test("logs are followed, and cut to their tail", async () => {
  const container = await docker.createContainer({
    Image: "busybox",
    Cmd: ["sh", "-c", "for n in 1 2 3; do echo out $n; echo err $n >&2; done"],
  });
  await container.start();
  const stream = await container.logs({ follow: true, stdout: true, stderr: true });
  assert.deepEqual(await demuxed(stream), {
    stdout: "out 1\nout 2\nout 3\n",
    stderr: "err 1\nerr 2\nerr 3\n",
  });
  const tail = (await container.logs({ stdout: true, stderr: true, tail: 2 })).toString("latin1");
  assert.equal(tail.match(/(out|err) \d\n/g).length, 2);
  await container.remove();
});

test("events tell of what happens, filtered", async () => {
  const events = await docker.getEvents({ filters: { type: ["container"], event: ["create", "destroy"] } });
  const seen = [];
  const both = new Promise((resolve) =>
    events.on("data", (chunk) => {
      seen.push(
        ...chunk
          .toString()
          .trim()
          .split("\n")
          .map((line) => JSON.parse(line).Action),
      );
      if (seen.includes("destroy")) resolve();
    }),
  );
  const container = await docker.createContainer({ Image: "busybox", name: "told" });
  await container.remove();
  await both;
  events.destroy();
  assert.deepEqual(seen, ["create", "destroy"]);
});

test("files go in and out as archives", async () => {
  const container = await idle();
  const archive = await (await docker.getContainer(container.id)).getArchive({ path: "/etc/hostname" });
  const bytes = Buffer.concat(await archive.toArray());
  await container.putArchive(Readable.from([bytes]), { path: "/tmp" });
  const exec = await container.exec({ Cmd: ["cmp", "/etc/hostname", "/tmp/hostname"], AttachStderr: true });
  await text(await exec.start({}));
  assert.equal((await exec.inspect()).ExitCode, 0);
  const { State, Config } = await container.inspect();
  assert.equal(State.Running, true);
  assert.equal(Config.Image, "busybox");
  await container.remove({ force: true });
});

test("networks and volumes are made, used, listed and removed", async () => {
  const network = await docker.createNetwork({ Name: "ode", Labels: { from: "dockerode" } });
  const volume = await docker.createVolume({ Name: "ode-data", Labels: { from: "dockerode" } });
  const container = await idle({
    name: "ode-server",
    HostConfig: { NetworkMode: "ode", Binds: ["ode-data:/data"], PortBindings: { "80/tcp": [{ HostPort: "" }] } },
    ExposedPorts: { "80/tcp": {} },
  });
  const { NetworkSettings, Mounts } = await container.inspect();
  assert.match(NetworkSettings.Ports["80/tcp"][0].HostPort, /^\d+$/);
  assert.equal(Mounts[0].Name, "ode-data");
  assert.deepEqual(Object.keys((await network.inspect()).Containers), [container.id]);
  await assert.rejects(() => docker.getVolume("ode-data").remove(), { statusCode: 409 });
  const filters = { label: ["from=dockerode"] };
  assert.equal((await docker.listNetworks({ filters })).length, 1);
  assert.equal((await docker.listVolumes({ filters })).Volumes.length, 1);
  assert.equal((await docker.listContainers({ filters: { network: ["ode"] } })).length, 1);
  await container.stop({ t: 0 });
  await container.remove();
  await network.remove();
  await docker.getVolume(volume.Name ?? volume.name).remove();
  await assert.rejects(() => docker.getNetwork("ode").inspect(), { statusCode: 404, reason: "no such network" });
});

test("images are tagged, pushed to a registry, pulled from it, committed and removed", async () => {
  const name = `${registry}/ode/box`;
  await docker.getImage("busybox").tag({ repo: name, tag: "1" });
  const image = docker.getImage(`${name}:1`);
  const pushed = await followed(await image.push({ authconfig: {} }));
  assert.ok(pushed.some(({ aux }) => aux?.Digest?.startsWith("sha256:")));
  await image.remove();
  const pulled = await followed(await docker.pull(`${name}:1`));
  assert.ok(pulled.some(({ status }) => status?.startsWith("Status: ")));
  assert.equal((await docker.getImage(`${name}:1`).inspect()).Os, "linux");
  const container = await docker.createContainer({ Image: `${name}:1`, Cmd: ["touch", "/made"] });
  await container.start();
  await container.wait();
  assert.deepEqual(await container.changes(), [{ Kind: 1, Path: "/made" }]);
  const { Id } = await container.commit({ repo: "ode-committed", tag: "1" });
  assert.equal((await docker.getImage("ode-committed:1").inspect()).Id, Id);
  await container.remove();
  for (const each of ["ode-committed:1", `${name}:1`]) await docker.getImage(each).remove();
  await assert.rejects(async () => followed(await docker.pull(`${registry}/ode/absent:1`)), /not found|unknown/);
});

test("an image is built from a context", async () => {
  const context = join(import.meta.dirname ?? dirname(process.argv[1]), "context");
  const building = await docker.buildImage(
    { context, src: ["Dockerfile", "page.html"] },
    { t: "ode-built", buildargs: { GREETING: "built" } },
  );
  const lines = await followed(building);
  assert.ok(lines.some(({ stream }) => stream?.startsWith("Successfully tagged ode-built:latest")));
  const output = new PassThrough();
  const printed = text(output);
  const [, container] = await docker.run("ode-built", ["cat", "/www/index.html"], output, { Tty: true });
  output.end();
  assert.equal(await printed, "from the context\r\nbuilt\r\n");
  await container.remove();
  await docker.getImage("ode-built").remove();
});

test("an image is built in BuildKit's way", async () => {
  const context = join(import.meta.dirname ?? dirname(process.argv[1]), "context");
  const build = (options) =>
    docker.buildImage({ context, src: ["Dockerfile", "page.html"] }, { t: "ode-kit", version: "2", ...options });
  const building = await build({ buildargs: { GREETING: "built" } });
  const said = [];
  await new Promise((resolve, reject) =>
    docker.followProgress(
      building,
      (error) => (error ? reject(error) : resolve()),
      (event) => said.push(JSON.stringify(event)),
    ),
  );
  assert.ok(said.join("\n").includes("FROM "), said.join("\n"));
  assert.ok((await docker.getImage("ode-kit").inspect()).Id.startsWith("sha256:"));
  await docker.getImage("ode-kit").remove();
  // The error comes in the stream.
  const failed = await followed(await build({ target: "nowhere" }));
  assert.ok(failed.some(({ error }) => error?.includes("nowhere")));
});

test("statistics, processes, pauses and limits of a container", async () => {
  const container = await idle({ HostConfig: { Memory: 64 << 20 } });
  const stats = await container.stats({ stream: false });
  assert.equal(stats.memory_stats.limit, 64 << 20);
  assert.ok((await container.top()).Processes.some((row) => row.join(" ").includes("sleep 1000")));
  await container.pause();
  assert.equal((await container.inspect()).State.Paused, true);
  await container.unpause();
  await container.update({ Memory: 32 << 20, MemorySwap: 64 << 20 });
  assert.equal((await container.inspect()).HostConfig.Memory, 32 << 20);
  await container.rename({ name: "renamed" });
  await container.restart({ t: 0 });
  await container.kill();
  await container.remove({ force: true });
});

test("the engine tells of itself", async () => {
  assert.equal((await docker.ping()).toString(), "OK");
  assert.match((await docker.version()).ApiVersion, /^1\.\d+$/);
  assert.equal((await docker.info()).OSType, "linux");
  assert.ok(Array.isArray((await docker.df()).Images));
});
