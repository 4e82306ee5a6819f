import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type BuildPlace, openBuildPlace } from "../support/build-place.ts";
import { Containers } from "../support/containers.ts";
import type { TestDaemon } from "../support/daemon.ts";
import { startRegistry, type TestRegistry, testUser } from "../support/registry.ts";

let daemon: TestDaemon;
let box: Containers;
let registry: TestRegistry;
let context: string;
let out: string;
let place: BuildPlace;
beforeAll(async () => {
  place = await openBuildPlace();
  ({ daemon, registry, context, out } = place);
  box = new Containers(daemon.api);
});
afterEach(async () => {
  await box.clear();
  place.clear();
});
afterAll(() => place?.close());

const write = (files: Readonly<Record<string, string>>) => place.write(files);
const build = (...flags: string[]) => place.run(...flags);
const shell = (script: string) => place.shell(script);
const json = (path: string) => JSON.parse(readFileSync(path, "utf8"));

const tree = `FROM busybox AS made
RUN mkdir -p /out/d && echo text > /out/d/file && chown 7:8 /out/d/file && chmod 4751 /out/d/file \\
 && touch -d '2001-02-03 04:05:06' /out/d/file && ln /out/d/file /out/d/hard && ln -s /etc/passwd /out/link \\
 && chmod 711 /out/d
FROM scratch
COPY --from=made /out /
`;

test("the files of a build are written into a directory with their modes, times and links", async () => {
  write({ Dockerfile: tree });
  const target = join(out, "new", "place");
  const { exitCode, stderr } = await build("-o", target);
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain("exporting to client directory");
  expect(readdirSync(target, { recursive: true }).sort()).toEqual(["d", "d/file", "d/hard", "link"]);
  const file = lstatSync(join(target, "d/file"));
  expect([file.mode & 0o7777, file.uid, file.gid, file.mtime.toISOString()]).toEqual([
    0o4751,
    process.getuid!(),
    process.getgid!(),
    "2001-02-03T04:05:06.000Z",
  ]);
  expect(lstatSync(join(target, "d/hard")).ino).toBe(file.ino);
  expect(lstatSync(join(target, "d")).mode & 0o777).toBe(0o711);
  expect(readlinkSync(join(target, "link"))).toBe("/etc/passwd");
  expect((await daemon.api.ok("GET", "/images/json")).length).toBe(1);
});

test("what is in the directory stays, and no link there leads out of it", async () => {
  write({ Dockerfile: "FROM scratch\nCOPY a /away/a\nCOPY a /f\n", a: "new" });
  const [target, outside] = [join(out, "target"), join(out, "outside")];
  for (const path of [target, outside]) mkdirSync(path);
  writeFileSync(join(target, "mine"), "kept");
  writeFileSync(join(outside, "victim"), "old");
  symlinkSync(outside, join(target, "away"));
  symlinkSync(join(outside, "victim"), join(target, "f"));
  expect((await build("--output", `type=local,dest=${target}`)).exitCode).toBe(0);
  expect(readdirSync(target, { recursive: true }).sort()).toEqual(["away", "away/a", "f", "mine"]);
  expect(readFileSync(join(target, "f"), "utf8")).toBe("new");
  expect(readdirSync(outside)).toEqual(["victim"]);
  expect(readFileSync(join(outside, "victim"), "utf8")).toBe("old");
});

test("the files come as a tar archive with their owners, into a file or to standard output", async () => {
  write({ Dockerfile: tree });
  const file = join(out, "tree.tar");
  expect((await build("--output", `type=tar,dest=${file}`)).exitCode).toBe(0);
  const listed = (await shell(`tar --numeric-owner -tvf ${file}`)).stdout;
  expect(listed).toMatch(/-rwsr-x--x 7\/8 +5 2001-02-03 04:05 d\/file\n/);
  expect(listed).toMatch(/link -> \/etc\/passwd/);
  const isle = process.env["ISLE_BINARY"] ?? join(import.meta.dirname, "../../dist/isle");
  const piped = await shell(
    `DOCKER_HOST=unix://${daemon.socket} ${isle} build -q -o - ${context} | cmp - ${file} && echo same`,
  );
  expect(piped.stdout, piped.stderr).toBe("same\n");
});

test("the image comes as an OCI layout and as a docker-archive, which load as the same image", async () => {
  write({ Dockerfile: 'FROM busybox\nRUN echo made > /made\nCMD ["cat", "/made"]\n' });
  const [oci, docker] = [join(out, "oci.tar"), join(out, "docker.tar")];
  const outputs = ["-o", `type=oci,dest=${oci}`, "-o", `type=docker,dest=${docker}`, "-o", "type=image"];
  const facts = ["--metadata-file", join(out, "facts"), "--iidfile", join(out, "id")];
  const { exitCode, stderr } = await build("-t", "given:name", ...outputs, ...facts);
  expect(exitCode, stderr).toBe(0);
  const { Id } = await daemon.api.ok("GET", "/images/given:name/json");
  expect(readFileSync(join(out, "id"), "utf8")).toBe(Id);
  await shell(`mkdir ${out}/layout && tar -xf ${oci} -C ${out}/layout`);
  const [named] = json(join(out, "layout/index.json")).manifests;
  expect(json(join(out, "facts"))).toMatchObject({
    "containerimage.digest": named.digest,
    "containerimage.config.digest": Id,
    "containerimage.descriptor": { digest: named.digest, size: named.size },
    "image.name": "given:name",
  });
  expect(named.annotations).toEqual({
    "io.containerd.image.name": "docker.io/given:name".replace("docker.io/", "docker.io/library/"),
    "org.opencontainers.image.ref.name": "name",
  });
  const manifest = json(join(out, "layout/blobs/sha256", named.digest.slice(7)));
  expect(manifest.layers.map(({ mediaType }: { mediaType: string }) => mediaType)).toEqual([
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+gzip",
  ]);
  expect(existsSync(join(out, "layout/manifest.json"))).toBe(false);
  for (const archive of [oci, docker]) {
    await daemon.cli(["rmi", "given:name"]);
    expect((await daemon.cli(["load", "-i", archive])).exitCode).toBe(0);
    expect((await daemon.api.ok("GET", "/images/given:name/json")).Id).toBe(Id);
    expect(await box.output("cat /made", { Image: "given:name" })).toBe("made");
  }
});

test("a directory keeps OCI images by their names", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo kept > /f\n" });
  for (const name of ["one:1", "two:1", "one:1"]) {
    const { exitCode, stderr } = await build("-t", name, "-o", `type=oci,tar=false,dest=${out}/layout`);
    expect(exitCode, stderr).toBe(0);
  }
  const names = json(join(out, "layout/index.json")).manifests.map(
    ({ annotations }: { annotations: Record<string, string> }) => annotations["io.containerd.image.name"],
  );
  expect(names).toEqual(["docker.io/library/two:1", "docker.io/library/one:1"]);
  await shell(`tar -C ${out}/layout -cf ${out}/layout.tar .`);
  expect((await daemon.cli(["load", "-i", join(out, "layout.tar")])).stdout).toContain("one:1");
});

test("layers are compressed as the output asks", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo made > /made\n" });
  for (const compression of ["uncompressed", "zstd"]) {
    const file = join(out, `${compression}.tar`);
    expect((await build("-t", "pressed", "-o", `type=oci,dest=${file},compression=${compression}`)).exitCode).toBe(0);
    expect((await daemon.cli(["load", "-i", file])).stdout).toContain("pressed:latest");
    expect(await box.output("cat /made", { Image: "pressed" })).toBe("made");
  }
});

test("an image is pushed by the build, and comes back as it was", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo pushed > /f\n" });
  const names = [`${registry.host}/team/one:v1`, `${registry.host}/team/two:v2`];
  const { exitCode, stderr } = await build(
    ...names.flatMap((name) => ["-t", name]),
    "--push",
    "--metadata-file",
    join(out, "facts"),
  );
  expect(exitCode, stderr).toBe(0);
  const { Id, RepoDigests } = await daemon.api.ok("GET", `/images/${names[0]}/json`);
  expect(RepoDigests).toContain(`${registry.host}/team/one@${json(join(out, "facts"))["containerimage.digest"]}`);
  for (const name of names) {
    await daemon.cli(["rmi", "-f", Id]);
    expect((await daemon.cli(["pull", name])).exitCode).toBe(0);
    expect((await daemon.api.ok("GET", `/images/${name}/json`)).Id).toBe(Id);
  }
  const nowhere = await build("-t", "127.0.0.1:1/nowhere", "--output", "type=image,push=true");
  expect([nowhere.exitCode, nowhere.stderr]).toEqual([1, expect.stringContaining("127.0.0.1:1")]);
});

test("an image with compressed layers that went through an archive is pushed as it was", async () => {
  write({ Dockerfile: "FROM busybox\nRUN echo through > /f\n" });
  const name = `${registry.host}/through`;
  expect((await build("-t", name, "-o", `type=docker,dest=${out}/image.tar`)).exitCode).toBe(0);
  expect((await daemon.cli(["load", "-i", join(out, "image.tar")])).exitCode).toBe(0);
  expect((await daemon.cli(["push", name])).exitCode).toBe(0);
  const { Id } = await daemon.api.ok("GET", `/images/${name}/json`);
  await daemon.cli(["rmi", "-f", Id]);
  await daemon.cli(["builder", "prune", "-af"]);
  const pulled = await daemon.cli(["pull", name]);
  expect(pulled.exitCode, pulled.stderr).toBe(0);
  expect(await box.output("cat /f", { Image: name })).toBe("through");
});

test("a registry that wants to know who pushes is told", async () => {
  const closed = await startRegistry({ enter: daemon.enter, auth: "basic" });
  write({ Dockerfile: "FROM busybox\nRUN echo mine > /f\n" });
  const flags = ["-t", `${closed.host}/mine`, "--push", "--cache-to", `type=registry,ref=${closed.host}/cache`];
  expect((await build(...flags)).stderr).toMatch(/unauthorized|no basic auth credentials/i);
  const login = ["login", "-u", testUser.name, "--password-stdin", closed.host];
  expect((await daemon.cli(login, { input: testUser.password })).exitCode).toBe(0);
  const { exitCode, stderr } = await build(...flags);
  expect(exitCode, stderr).toBe(0);
  await daemon.cli(["logout", closed.host]);
  await closed.close();
});

test("with SOURCE_DATE_EPOCH two builds give the same archives, bit for bit", async () => {
  write({ Dockerfile: "FROM busybox\nRUN mkdir /d && date +%N > /dev/null && echo x > /d/f\nCOPY a /a\n", a: "1" });
  for (const round of ["one", "two"]) {
    const outputs = ["tar", "oci", "docker"].flatMap((type) => ["-o", `type=${type},dest=${out}/${round}.${type}`]);
    const flags = ["--no-cache", "--build-arg", "SOURCE_DATE_EPOCH=1700000000", "-t", "same", ...outputs];
    const { exitCode, stderr } = await build(...flags);
    expect(exitCode, stderr).toBe(0);
  }
  for (const type of ["tar", "oci", "docker"]) {
    expect((await shell(`cmp ${out}/one.${type} ${out}/two.${type} && echo same`)).stdout).toBe("same\n");
  }
});

const faults: ReadonlyArray<readonly [flags: readonly string[], why: string]> = [
  [["-o", "type=local"], "dest is required for local exporter"],
  [["-o", "type=local,dest=-"], "dest cannot be stdout for local exporter"],
  [["-o", "type=local,dest=/etc/passwd"], "destination directory /etc/passwd is a file"],
  [["-o", "type=tar,dest=/etc"], "destination file /etc is a directory"],
  [["-o", "dest=x"], "type is required for output"],
  [["-o", "type=tar", "-o", "type=oci"], "multiple outputs configured to write to stdout"],
  [["-o", "type=floppy"], 'exporter "floppy" could not be found'],
  [["-o", "type=image,compression=rar"], "unsupported layer compression type: rar"],
  [["-o", "type=oci,tar=false"], "dest is required for oci exporter"],
  [["-o", "type=image,store=false"], "store=false"],
  [["--push"], "tag is needed when pushing to registry"],
];
for (const [flags, why] of faults) {
  test(`${flags.join(" ")} is refused before anything is built`, async () => {
    write({ Dockerfile: "FROM busybox\nRUN echo was built\n" });
    const { exitCode, stderr } = await build(...flags);
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining(why)]);
    expect(stderr).not.toContain("was built");
  });
}

test("a client that goes away while it takes an output ends the build and leaves nothing", async () => {
  write({ Dockerfile: "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=64\n" });
  const isle = process.env["ISLE_BINARY"] ?? join(import.meta.dirname, "../../dist/isle");
  await shell(`DOCKER_HOST=unix://${daemon.socket} ${isle} build -q -o - ${context} | head -c 1000 > /dev/null; true`);
  const kept = () => readdirSync(join(daemon.dataRoot, "builds")).filter((name) => !/^(cache|context-)/.test(name));
  for (let tries = 0; tries < 300 && kept().length > 0; tries += 1) await Bun.sleep(100);
  expect(kept()).toEqual([]);
  expect((await build("-o", join(out, "again"))).exitCode).toBe(0);
  expect(lstatSync(join(out, "again/big")).size).toBe(64 << 20);
});

test("a daemon that is killed while it hands an output over begins again without a trace of it", async () => {
  write({ Dockerfile: "FROM busybox\nRUN dd if=/dev/zero of=/big bs=1M count=64\n" });
  const isle = process.env["ISLE_BINARY"] ?? join(import.meta.dirname, "../../dist/isle");
  // Who reads the output waits in the middle of it until the daemon is dead.
  const wait = `until test -e ${out}/killed; do sleep 0.05; done`;
  const reader = `head -c 100000 > /dev/null; touch ${out}/begun; ${wait}; cat > /dev/null`;
  const client = `DOCKER_HOST=unix://${daemon.socket} ${isle} build -q -o - ${context} | { ${reader}; }; echo $PIPESTATUS`;
  const ended = daemon.inNamespaces(["bash", "-c", client], { timeoutMs: 60_000 });
  for (let tries = 0; tries < 300 && !existsSync(join(out, "begun")); tries += 1) await Bun.sleep(100);
  await daemon.kill();
  writeFileSync(join(out, "killed"), "");
  expect((await ended).stdout).toBe("1\n");
  await daemon.restart();
  const left = readdirSync(join(daemon.dataRoot, "builds")).filter((name) => name !== "cache");
  expect(left).toEqual([]);
  expect((await build("-o", join(out, "again"))).exitCode).toBe(0);
});
