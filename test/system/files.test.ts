import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

let daemon: TestDaemon;
let box: Containers;
beforeAll(async () => {
  daemon = await startDaemon();
  box = new Containers(daemon.api);
});
afterEach(() => box.clear());
afterAll(() => daemon.stop());

import { runCommand } from "../support/namespaces.ts";

/** Makes a tar archive of files given by name and content. */
async function archiveOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const script = Object.entries(files).map(
    ([name, content]) => `mkdir -p "$(dirname '${name}')"; printf %s '${content}' > '${name}'`,
  );
  const { stdout } = await runCommand([
    "sh",
    "-c",
    `d=$(mktemp -d); cd $d; ${script.join(";")}; tar -cf - * | base64 -w0; cd /; rm -r $d`,
  ]);
  return Buffer.from(stdout, "base64");
}

const listed = async (archive: Buffer): Promise<string[]> =>
  (await runCommand(["tar", "-tf", "-"], { input: archive })).stdout.trim().split("\n").sort();

test("changes tells what was added, changed and removed", async () => {
  const { id } = await box.finish({ script: "echo x > /new; echo y >> /etc/passwd; rm /etc/group; mkdir /dir" });
  const changes = await daemon.api.ok("GET", `/containers/${id}/changes`);
  const kinds = Object.fromEntries(changes.map(({ Path, Kind }: { Path: string; Kind: number }) => [Path, Kind]));
  expect(kinds).toMatchObject({ "/new": 1, "/dir": 1, "/etc": 0, "/etc/passwd": 0, "/etc/group": 2 });
});

test("files go in and out of running and stopped containers as archives", async () => {
  for (const id of [await box.idle(), await box.create()]) {
    const put = await daemon.api.request("PUT", `/containers/${id}/archive`, {
      query: { path: "/var" },
      body: await archiveOf({ "in/file": "content" }),
    });
    expect(put.status).toBe(200);
    const head = await daemon.api.request("HEAD", `/containers/${id}/archive`, { query: { path: "/var/in/file" } });
    const stat = JSON.parse(Buffer.from(String(head.headers["x-docker-container-path-stat"]), "base64").toString());
    expect(stat).toMatchObject({ name: "file", size: 7 });
    const got = await daemon.api.get(`/containers/${id}/archive`, { path: "/var/in" });
    expect(await listed(got.body)).toEqual(["in/", "in/file"]);
  }
});

test("archives into what is not there or not a directory are refused", async () => {
  const id = await box.create();
  const put =
    (path: string, more: object = {}) =>
    async (body: Buffer) =>
      (await daemon.api.request("PUT", `/containers/${id}/archive`, { query: { path, ...more }, body })).status;
  const archive = await archiveOf({ file: "x" });
  expect(await put("/absent")(archive)).toBe(404);
  expect(await put("/etc/passwd")(archive)).toBe(400);
  expect(await put("/", { noOverwriteDirNonDir: "1" })(await archiveOf({ "etc/passwd/x": "1" }))).toBe(400);
  expect((await daemon.api.get(`/containers/${id}/archive`, { path: "/absent" })).status).toBe(404);
  expect((await daemon.api.get(`/containers/${id}/archive`)).status).toBe(400);
  expect(await put("/")(Buffer.from("this is no archive at all".repeat(50)))).toBe(400);
});

test("links inside a container do not lead copies out of it", async () => {
  const mark = `${daemon.directory}/outside`;
  await daemon.inNamespaces(["sh", "-c", `mkdir ${mark}; echo secret > ${mark}/file`]);
  const id = await box.idle();
  await box.exec(id, `ln -s ${mark} /leave; ln -s ../../../../../..${mark} /climb`);
  for (const path of ["/leave", "/climb"]) {
    await daemon.api.request("PUT", `/containers/${id}/archive`, {
      query: { path },
      body: await archiveOf({ planted: "x" }),
    });
    expect((await daemon.api.get(`/containers/${id}/archive`, { path: `${path}/file` })).status).toBe(404);
  }
  expect((await daemon.inNamespaces(["ls", mark])).stdout).toBe("file\n");
});

test("export is the whole root, and import makes an image of it", async () => {
  const { id } = await box.finish({ script: "echo kept > /kept" });
  const exported = await daemon.api.get(`/containers/${id}/export`);
  const names = await listed(exported.body);
  expect(names).toContain("kept");
  expect(names).toContain("bin/busybox");
  await daemon.api.ok("POST", "/images/create", {
    query: { fromSrc: "-", repo: "again", tag: "1" },
    body: exported.body,
  });
  expect((await box.run({ Image: "again:1", Cmd: ["cat", "/kept"] })).stdout).toBe("kept\n");
  await daemon.api.ok("DELETE", "/images/again:1");
});

test("commit keeps files and settings, pauses while it reads, and takes changes", async () => {
  const id = await box.idle({ Env: ["A=1"], Labels: { l: "1" } });
  await box.exec(id, "echo committed > /file");
  const { Id } = await daemon.api.ok("POST", "/commit", {
    query: {
      container: id,
      repo: "committed",
      tag: "1",
      comment: "why",
      author: "ann",
      changes: 'ENV B=2\nCMD ["cat","/file"]',
    },
  });
  const image = await daemon.api.ok("GET", "/images/committed:1/json");
  expect(image).toMatchObject({ Id, Comment: "why", Author: "ann" });
  expect(image.Config.Env).toEqual(expect.arrayContaining(["A=1", "B=2"]));
  expect((await box.state(id)).Status).toBe("running");
  expect((await box.run({ Image: "committed:1" })).stdout).toBe("committed\n");
  await daemon.api.ok("DELETE", "/images/committed:1");
});

test("docker cp copies both ways", async () => {
  const id = await box.idle();
  const from = `${daemon.directory}/copied`;
  await daemon.inNamespaces(["sh", "-c", `mkdir -p ${from}/sub; echo one > ${from}/sub/one`]);
  expect(await daemon.docker(["cp", from, `${id}:/target`])).toMatchObject({ exitCode: 0 });
  expect((await box.exec(id, "cat /target/sub/one")).stdout).toBe("one\n");
  expect(await daemon.docker(["cp", `${id}:/target/sub`, `${from}-back`])).toMatchObject({ exitCode: 0 });
  expect((await daemon.inNamespaces(["cat", `${from}-back/one`])).stdout).toBe("one\n");
});
