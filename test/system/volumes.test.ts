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

const createVolume = (json: object) => daemon.api.ok("POST", "/volumes/create", { json });
const removeVolume = (name: string) => daemon.api.ok("DELETE", `/volumes/${name}`);
const volumeNames = async (filters: object = {}): Promise<string[]> =>
  (
    (await daemon.api.ok("GET", "/volumes", { query: { filters: JSON.stringify(filters) } })).Volumes as {
      Name: string;
    }[]
  )
    .map(({ Name }) => Name)
    .sort();

/** A directory of the machine, as containers of this daemon see it. */
async function hostDirectory(name: string): Promise<string> {
  const path = `${daemon.directory}/${name}`;
  await daemon.inNamespaces(["mkdir", "-p", path]);
  return path;
}

test("a named volume outlives its containers and is seen by the next", async () => {
  const made = await createVolume({ Name: "kept", Labels: { a: "b" } });
  expect(made).toMatchObject({ Name: "kept", Driver: "local", Scope: "local", Labels: { a: "b" } });
  expect(await createVolume({ Name: "kept" })).toMatchObject({ Name: "kept" });
  await box.output("echo data > /v/file", { HostConfig: { Binds: ["kept:/v"] } });
  expect(await box.output("cat /v/file", { HostConfig: { Binds: ["kept:/v:ro"] } })).toBe("data");
  expect((await box.run({ script: "echo x > /v/file", HostConfig: { Binds: ["kept:/v:ro"] } })).exitCode).toBe(1);
  const user = await box.create({ HostConfig: { Binds: ["kept:/v"] } });
  const inUse = await daemon.api.delete("/volumes/kept");
  expect(inUse.status).toBe(409);
  expect(inUse.json.message).toContain(`volume is in use - [${user}]`);
  await box.remove(user);
  await removeVolume("kept");
  expect((await daemon.api.get("/volumes/kept")).status).toBe(404);
});

test("an anonymous volume goes with its container only when asked", async () => {
  const first = await box.create({ Volumes: { "/data": {} } });
  const [{ Name, Type, Destination }] = (await box.inspect(first)).Mounts;
  expect([Type, Destination, /^[0-9a-f]{64}$/.test(Name)]).toEqual(["volume", "/data", true]);
  await daemon.api.ok("DELETE", `/containers/${first}`);
  expect(await volumeNames()).toContain(Name);
  await removeVolume(Name);
  const second = await box.create({ Volumes: { "/data": {} } });
  await box.remove(second);
  expect(await volumeNames()).toEqual([]);
});

test("an empty volume takes over what the image has there, unless told not to", async () => {
  expect(await box.output("cat /var/data/seed", { HostConfig: { Binds: ["copied:/var/data"] } })).toBe(
    "from the image",
  );
  await box.output("echo changed > /var/data/seed", { HostConfig: { Binds: ["copied:/var/data"] } });
  expect(await box.output("cat /var/data/seed", { HostConfig: { Binds: ["copied:/var/data"] } })).toBe("changed");
  expect(await box.output("ls /var/data", { HostConfig: { Binds: ["plain:/var/data:nocopy"] } })).toBe("");
  await Promise.all(["copied", "plain"].map(removeVolume));
});

test("a part of a volume can be mounted by its path inside", async () => {
  await box.output("mkdir -p /v/a/b; echo deep > /v/a/b/file", { HostConfig: { Binds: ["parts:/v"] } });
  const mount = (Subpath: string) =>
    ({
      HostConfig: { Mounts: [{ Type: "volume", Source: "parts", Target: "/part", VolumeOptions: { Subpath } }] },
    }) as const;
  expect(await box.output("cat /part/file", mount("a/b") as object)).toBe("deep");
  for (const path of ["../..", "/etc", "absent"]) {
    const created = await daemon.api.post("/containers/create", {
      json: { Image: "busybox", Cmd: ["true"], ...mount(path) },
    });
    const reply = created.status === 201 ? await daemon.api.post(`/containers/${created.json.Id}/start`) : created;
    expect([path, reply.status >= 400]).toEqual([path, true]);
  }
  await box.clear();
  await removeVolume("parts");
});

test("volumes-from takes the mounts of another container, read-only when asked", async () => {
  const source = await box.create({ HostConfig: { Binds: ["shared:/one"] }, Volumes: { "/two": {} } });
  expect(
    await box.output("echo x > /one/file; echo y > /two/file; cat /one/file", {
      HostConfig: { VolumesFrom: [source] },
    }),
  ).toBe("x");
  expect((await box.run({ script: "echo x > /one/new", HostConfig: { VolumesFrom: [`${source}:ro`] } })).exitCode).toBe(
    1,
  );
  await box.remove(source);
  await removeVolume("shared");
});

test("volumes are listed with filters and pruned as Docker prunes them", async () => {
  await createVolume({ Name: "named", Labels: { x: "1" } });
  const { Name } = await createVolume({});
  await box.create({ HostConfig: { Binds: ["used:/v"] } });
  expect(await volumeNames({ dangling: ["true"] })).toEqual([Name, "named"].sort());
  expect(await volumeNames({ label: ["x=1"] })).toEqual(["named"]);
  expect(await volumeNames({ name: ["use"] })).toEqual(["used"]);
  expect(await volumeNames({ driver: ["other"] })).toEqual([]);
  expect((await daemon.api.ok("POST", "/volumes/prune")).VolumesDeleted).toEqual([Name]);
  const all = await daemon.api.ok("POST", "/volumes/prune", { query: { filters: '{"all":["true"]}' } });
  expect(all.VolumesDeleted).toEqual(["named"]);
  await box.clear();
  await removeVolume("used");
});

test("a tmpfs volume of the local driver is what its options say", async () => {
  await createVolume({
    Name: "ram",
    Driver: "local",
    DriverOpts: { type: "tmpfs", device: "tmpfs", o: "size=1m,uid=1000" },
  });
  const shown = await box.output("grep ' /v ' /proc/mounts; stat -c %u /v", { HostConfig: { Binds: ["ram:/v"] } });
  expect(shown).toContain("tmpfs /v tmpfs");
  expect(shown).toContain("size=1024k");
  expect(shown).toEndWith("1000");
  await removeVolume("ram");
  expect((await daemon.api.post("/volumes/create", { json: { Name: "x", Driver: "absent" } })).status).toBe(404);
  expect((await daemon.api.post("/volumes/create", { json: { Name: "../x" } })).status).toBe(400);
  expect((await daemon.api.request("PUT", "/volumes/ram", { query: { version: 1 }, json: {} })).status).toBe(501);
});

test("bind mounts show the machine's files, read-only when asked, and make a missing source only for -v", async () => {
  const path = await hostDirectory("bound");
  await box.output("echo inside > /b/file", { HostConfig: { Binds: [`${path}:/b`] } });
  expect((await daemon.inNamespaces(["cat", `${path}/file`])).stdout).toBe("inside\n");
  expect((await box.run({ script: "echo x > /b/file", HostConfig: { Binds: [`${path}:/b:ro`] } })).exitCode).toBe(1);
  expect(await box.output("cat /f", { HostConfig: { Binds: [`${path}/file:/f:ro,z`] } })).toBe("inside");
  await box.output("test -d /new", { HostConfig: { Binds: [`${path}/made:/new`] } });
  expect((await daemon.inNamespaces(["test", "-d", `${path}/made`])).exitCode).toBe(0);
  const Mounts = [{ Type: "bind" as const, Source: `${path}/absent`, Target: "/x" }];
  const reply = await daemon.api.post("/containers/create", { json: { Image: "busybox", HostConfig: { Mounts } } });
  expect([reply.status, reply.json.message]).toEqual([
    400,
    `invalid mount config for type "bind": bind source path does not exist: ${path}/absent`,
  ]);
  const made = [{ ...Mounts[0]!, BindOptions: { CreateMountpoint: true } }];
  await box.output("test -d /x", { HostConfig: { Mounts: made } });
});

test("a read-only bind is read-only all the way down", async () => {
  const path = await hostDirectory("deep");
  await daemon.inNamespaces(["sh", "-c", `mkdir -p ${path}/sub; mount -t tmpfs none ${path}/sub`]);
  expect((await box.run({ script: "echo x > /b/sub/file", HostConfig: { Binds: [`${path}:/b:ro`] } })).exitCode).toBe(
    1,
  );
  expect((await box.run({ script: "echo x > /b/sub/file", HostConfig: { Binds: [`${path}:/b`] } })).exitCode).toBe(0);
  await daemon.inNamespaces(["umount", `${path}/sub`]);
});

const seenInside = { private: false, rprivate: false, shared: true, rshared: true, slave: true, rslave: true } as const;
const seenOutside = {
  private: false,
  rprivate: false,
  shared: true,
  rshared: true,
  slave: false,
  rslave: false,
} as const;

for (const mode of Object.keys(seenInside) as (keyof typeof seenInside)[]) {
  test(`mounts made later pass between the machine and a ${mode} bind only as they should`, async () => {
    const path = await hostDirectory(`propagate-${mode}`);
    await daemon.inNamespaces(["sh", "-c", `mkdir -p ${path}/in ${path}/out`]);
    const id = await box.idle({ HostConfig: { Binds: [`${path}:/p:${mode}`], CapAdd: ["SYS_ADMIN"] } });
    await daemon.inNamespaces(["sh", "-c", `mount -t tmpfs none ${path}/in; touch ${path}/in/mark`]);
    expect((await box.exec(id, "test -e /p/in/mark")).exitCode === 0).toBe(seenInside[mode]);
    const mounted = await box.exec(id, "mount -t tmpfs none /p/out && touch /p/out/mark", { Privileged: true });
    expect(mounted).toMatchObject({ exitCode: 0, stderr: "" });
    expect((await daemon.inNamespaces(["test", "-e", `${path}/out/mark`])).exitCode === 0).toBe(seenOutside[mode]);
    await box.remove(id);
    await daemon.inNamespaces(["sh", "-c", `umount ${path}/in; umount ${path}/out 2>/dev/null; true`]);
  });
}

test("a tmpfs has its size and mode, and holds nothing afterwards", async () => {
  const HostConfig = {
    Tmpfs: { "/t": "size=2m,mode=1770,uid=1000" },
    Mounts: [{ Type: "tmpfs" as const, Target: "/u", TmpfsOptions: { SizeBytes: 1 << 20, Mode: 0o700 } }],
  };
  const shown = await box.output("grep -E ' /(t|u) ' /proc/mounts; stat -c '%a %u' /t; stat -c %a /u", { HostConfig });
  expect(shown).toContain("size=2048k");
  expect(shown).toContain("size=1024k");
  expect(shown).toEndWith("1770 1000\n700");
  const id = await box.idle({ HostConfig });
  await box.exec(id, "echo x > /t/file");
  await daemon.api.ok("POST", `/containers/${id}/restart`, { query: { t: 0 } });
  expect((await box.exec(id, "ls /t")).stdout).toBe("");
});

test("a read-only root takes writes only in its mounts", async () => {
  const script = "touch /file 2>/dev/null && echo root; touch /tmp/file && echo tmp; touch /dev/shm/file && echo shm";
  expect(await box.output(script, { HostConfig: { ReadonlyRootfs: true, Tmpfs: { "/tmp": "" } } })).toBe("tmp\nshm");
});

test("mounts are shown by inspect and list", async () => {
  const path = await hostDirectory("shown");
  const id = await box.create({ HostConfig: { Binds: ["vol:/v", `${path}:/b:ro,rslave`], Tmpfs: { "/t": "" } } });
  const { Mounts } = await box.inspect(id);
  const at = (destination: string) =>
    Mounts.find(({ Destination }: { Destination: string }) => Destination === destination);
  expect(at("/v")).toMatchObject({ Type: "volume", Name: "vol", Driver: "local", RW: true });
  expect(at("/b")).toMatchObject({ Type: "bind", Source: path, RW: false, Propagation: "rslave" });
  const [listed] = await daemon.api.ok("GET", "/containers/json", { query: { all: true } });
  expect(listed.Mounts).toHaveLength(Mounts.length);
  await box.clear();
  await removeVolume("vol");
});
