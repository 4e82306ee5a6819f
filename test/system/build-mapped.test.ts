import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { type BuildPlace, openBuildPlace } from "../support/build-place.ts";
import { Containers } from "../support/containers.ts";
import { startDaemon, type TestDaemon } from "../support/daemon.ts";

/** Id of the machine that root of a mapped step has. */
const firstId = 2 ** 31;

/** Kernels and file systems that can map the ids of layers; the engine must find the same. */
const [major = 0, minor = 0] = release().split(".").map(Number);
const fileSystem = execFileSync("stat", ["-f", "-c", "%T", tmpdir()]).toString().trim();
const canMap = (major > 5 || (major === 5 && minor >= 19)) && ["ext2/ext3", "xfs", "btrfs"].includes(fileSystem);
if (!canMap) console.log(`SKIPPED mapped users of build steps: Linux ${release()} with ${fileSystem} cannot map ids`);
const mapping = describe.skipIf(!canMap);

let place: BuildPlace;
let box: Containers;
beforeAll(async () => {
  place = await openBuildPlace();
  box = new Containers(place.daemon.api);
});
afterEach(() => place.clear());
afterAll(() => place.close());

/** Builds from busybox with these further lines, and returns what was said. */
async function built(lines: readonly string[], ...flags: string[]): Promise<string> {
  place.write({ Dockerfile: ["FROM busybox", ...lines, ""].join("\n") });
  const { exitCode, stderr } = await place.run("--no-cache", "--progress", "plain", "-t", "made", ...flags);
  expect(exitCode, stderr).toBe(0);
  return stderr;
}

/** Lines that the step with this number printed. */
const printed = (log: string, step: number): string[] =>
  [...log.matchAll(new RegExp(`^#${step} \\d+\\.\\d (.*)$`, "gm"))].map(([, line]) => line!.trim());

/** The ids of the first process that has these words on its command line, once there is one. */
async function idsOf(daemon: TestDaemon, words: string): Promise<{ pid: string; uids: string }> {
  for (;;) {
    const [pid = ""] = (await daemon.inNamespaces(["pgrep", "-xf", words])).stdout.split("\n");
    const status = pid === "" ? "" : (await daemon.inNamespaces(["cat", `/proc/${pid}/status`])).stdout;
    const uids = /^Uid:\t(.*)$/m.exec(status)?.[1];
    if (uids !== undefined) return { pid, uids: uids.replaceAll("\t", " ") };
    await Bun.sleep(50);
  }
}

mapping("root of a step", () => {
  test("is nobody on the machine, and has no right over what is root's there", async () => {
    const { daemon } = place;
    const closed = join(daemon.directory, "root-alone");
    writeFileSync(closed, "closed\n", { mode: 0o600 });
    const building = built(["RUN until [ -e /go ]; do sleep 7.25; done; true"]);
    const { pid, uids } = await idsOf(daemon, "sleep 7.25");
    expect(uids).toBe(Array(4).fill(firstId).join(" "));
    const inside = (...command: string[]) => daemon.inNamespaces(["nsenter", "-t", pid, "--user", "--", ...command]);
    expect((await inside("id", "-u")).stdout).toBe("0\n");
    expect((await inside("cat", closed)).stderr).toContain("Permission denied");
    expect((await inside("kill", "-0", "1")).exitCode).toBe(1);
    const made = await daemon.inNamespaces(["nsenter", "-t", pid, "-U", "-m", "-r", "--", "/bin/touch", "/go"]);
    expect(made.exitCode, made.stderr).toBe(0);
    await daemon.inNamespaces(["kill", pid]);
    await building;
  });

  test("rules the step's own network, and finds its streams, devices and files of the kernel", async () => {
    const said = await built([
      "RUN ping -c1 127.0.0.1 >/dev/null && httpd -p 80 && wget -qO- http://127.0.0.1/etc/hostname; ls /sys/class/net",
      "RUN echo out > /dev/stdout; echo err > /dev/stderr; echo x > /dev/null; head -c4 /dev/urandom | wc -c; ls /proc/self/fd >/dev/null && echo proc",
      "RUN --network=none ls /sys/class/net; ping -c1 127.0.0.1 >/dev/null && echo up",
      "RUN echo 10.9.8.7 other >> /etc/hosts && tail -n1 /etc/hosts; stat -c %u:%g /etc/hosts /etc/resolv.conf /etc/hostname",
      "USER 1234:77",
      "RUN echo out > /dev/stdout; id -u; touch /tmp/mine && stat -c %u:%g /tmp/mine; touch /x 2>/dev/null || echo no",
    ]);
    expect(printed(said, 2)).toEqual(["buildkitsandbox", "eth0", "lo"]);
    expect(printed(said, 3).sort()).toEqual(["4", "err", "out", "proc"]);
    expect(printed(said, 4)).toEqual(["lo", "up"]);
    expect(printed(said, 5)).toEqual(["10.9.8.7 other", "0:0", "0:0", "0:0"]);
    expect(printed(said, 7)).toEqual(["out", "1234", "1234:77", "no"]);
  });

  test("makes no device nodes, and the error tells of the way out, which leads out", async () => {
    place.write({ Dockerfile: "FROM busybox\nRUN mknod /null c 1 3\n" });
    const refused = await place.run();
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain("exit code: 1: if it needs root of the machine");
    expect(refused.stderr).toContain("--userns host");
    const said = await built(["RUN mknod /null c 1 3 && stat -c %F /null; cat /proc/self/uid_map"], "--userns", "host");
    expect(printed(said, 2)).toEqual(["character special file", "0          0 4294967295"]);
  });

  test("is the machine's where the network is, and where the step asks for all rights", async () => {
    const { daemon } = place;
    place.write({ Dockerfile: "FROM busybox\nRUN --network=host cat /proc/self/uid_map\n" });
    const { stderr } = await place.run("--no-cache", "--progress", "plain");
    expect(printed(stderr, 2)).toEqual(["0          0 4294967295"]);
    expect((await daemon.cli(["info"])).stdout).toContain("Build Steps As Mapped Users: yes");
    expect((await daemon.cli(["build", "--userns", "other", place.context])).stderr).toContain("invalid userns: other");
  });
});

/** A program with the libraries that it is linked to, in a directory. */
async function programInto(directory: string, name: string): Promise<void> {
  const script = `
    program=$(command -v ${name}); mkdir -p "$1/bin"; cp "$program" "$1/bin/"
    ldd "$program" | grep -o '/[^ ]*' | while read -r file; do mkdir -p "$1$(dirname "$file")"; cp -L "$file" "$1$file"; done`;
  const copied = await place.daemon.inNamespaces(["sh", "-ec", script, "sh", directory]);
  expect(copied.exitCode, copied.stderr).toBe(0);
}

mapping("what a mapped step leaves in the image", () => {
  test("is bit for bit what root of the machine leaves: owners, modes, rights, attributes, links, pipes, changes", async () => {
    const steps = [
      "COPY tools /",
      "RUN echo staff:x:5000: >> /etc/group && echo ada:x:1000000:5000::/home/ada:/bin/sh >> /etc/passwd && mkdir -p /home/ada/deep && chown -R ada:staff /home/ada",
      "RUN cp /bin/busybox /suid && chmod 4755 /suid && mkdir -m 1777 /sticky && mkdir -m 2775 /set && chgrp 42 /set && touch /set/in",
      "RUN mkdir /cap && cp /bin/busybox /cap && setcap cap_net_raw,cap_net_bind_service+ep /cap/busybox",
      "RUN echo a > /a && ln /a /b && ln -s a /c && mkfifo /pipe && chown 65534:65534 /a && touch /last && chown 2147483646:2147483646 /last",
      "USER ada",
      "WORKDIR /work/deep",
      "RUN echo mine > file && /cap/busybox grep CapEff /proc/self/status > /home/ada/effective",
      "USER root",
      "RUN rm -r /home/ada/deep && chmod 700 /sticky && chown 1:2 /suid /etc/passwd && mv /set /moved && rm /etc/group && getcap -n /cap/busybox > /rights",
      "RUN stat -c '%u %g %a %n' /suid /last /cap/busybox /work/deep/file > /owners",
    ];
    const idOf = async (...flags: string[]): Promise<string> => {
      place.write({ Dockerfile: ["FROM busybox", ...steps, ""].join("\n") });
      mkdirSync(join(place.context, "tools"), { recursive: true });
      for (const name of ["setcap", "getcap"]) await programInto(join(place.context, "tools"), name);
      const epoch = ["--build-arg", "SOURCE_DATE_EPOCH=1700000000"];
      const made = await place.run("--no-cache", "-q", "-t", "rights", ...epoch, ...flags);
      expect(made.exitCode, made.stderr).toBe(0);
      return made.stdout.trim();
    };
    const onMachine = await idOf("--userns", "host");
    expect(await idOf()).toBe(onMachine);
    const shown = await box.output("cat /rights /home/ada/effective /owners; stat -c %u:%g /work /home/ada", {
      Image: "rights",
    });
    expect(shown.split("\n")).toEqual([
      "/cap/busybox cap_net_bind_service,cap_net_raw=ep",
      "CapEff:\t0000000000002400",
      "1 2 755 /suid",
      "2147483646 2147483646 644 /last",
      "0 0 755 /cap/busybox",
      "1000000 5000 644 /work/deep/file",
      "1000000:5000",
      "1000000:5000",
    ]);
  });

  test("is as the layer's kept directory shows it to a container, from the cache as well", async () => {
    const lines = [
      "RUN echo a > /a && chown 7:8 /a && chmod 4711 /a && rm /etc/group",
      "RUN stat -c '%u:%g %a' /a > /seen",
    ];
    await built(lines);
    place.write({ Dockerfile: ["FROM busybox", ...lines, ""].join("\n") });
    const again = await place.run("--progress", "plain", "-t", "made");
    expect(again.stderr).toContain("#3 CACHED");
    const script = "cat /seen; stat -c '%u:%g %a' /a; ls /etc/group 2>&1";
    const shown = await box.run({ script, Image: "made" });
    expect(shown.stdout.split("\n").slice(0, 2)).toEqual(["7:8 4711", "7:8 4711"]);
    expect(shown.stdout).toContain("No such file");
  });
});

test.skipIf(!canMap)(
  "mounts of a mapped step show the ids that their files have: binds, caches, secrets, scripts, memory",
  async () => {
    const ownersOf = "stat -c '%u:%g %a'";
    place.write({
      own: "of the context\n",
      Dockerfile: [
        "FROM busybox AS other",
        "RUN mkdir -p /tree/in && echo x > /tree/in/x && chown -R 70:71 /tree/in",
        "FROM busybox",
        `RUN --mount=type=bind,target=/ctx ${ownersOf} /ctx/own; touch /ctx/no 2>/dev/null || echo kept`,
        `RUN --mount=type=bind,target=/ctx,rw echo more >> /ctx/own && tail -n1 /ctx/own`,
        `RUN --mount=type=bind,from=other,source=/tree,target=/tree ${ownersOf} /tree/in/x; cat /tree/in/x`,
        `RUN --mount=type=cache,id=c,target=/cache,uid=33,gid=34,mode=750 ${ownersOf} /cache; echo kept > /cache/f; chown 9:9 /cache/f`,
        `RUN --mount=type=cache,id=c,target=/cache ${ownersOf} /cache/f; cat /cache/f`,
        `RUN --mount=type=secret,id=s,uid=1000,mode=0440 ${ownersOf} /run/secrets/s; cat /run/secrets/s; echo`,
        `RUN --mount=type=tmpfs,target=/mem ${ownersOf} /mem; echo x > /mem/x && cat /mem/x`,
        "RUN <<EOF",
        "#!/bin/sh",
        `${ownersOf} "$0"`,
        "EOF",
        "",
      ].join("\n"),
    });
    const secret = join(place.daemon.directory, "secret");
    writeFileSync(secret, "hush");
    const { exitCode, stderr } = await place.run("--no-cache", "--progress", "plain", "--secret", `id=s,src=${secret}`);
    expect(exitCode, stderr).toBe(0);
    const steps = [4, 5, 6, 7, 8, 9, 10, 11].map((step) => printed(stderr, step));
    expect(steps).toEqual([
      ["0:0 644", "kept"],
      ["more"],
      ["70:71 644", "x"],
      ["33:34 750"],
      ["9:9 644", "kept"],
      ["1000:0 440", "hush"],
      ["0:0 1777", "x"],
      ["0:0 755"],
    ]);
  },
);

test.skipIf(!canMap)("a daemon that was killed shows its directories once, and one that ends not at all", async () => {
  const { daemon } = place;
  const views = async (): Promise<string[]> => {
    const lines = (await daemon.inNamespaces(["cat", "/proc/mounts"])).stdout.split("\n");
    return lines.map((line) => line.split(" ")[1]!).filter((path) => path?.startsWith(join(daemon.execRoot, "mapped")));
  };
  await built(["RUN true"]);
  const both = ["users", "files"].map((name) => join(daemon.execRoot, "mapped", name));
  expect(await views()).toEqual(both);
  await daemon.kill();
  await daemon.restart();
  await built(["RUN true"]);
  expect(await views()).toEqual(both);
  await daemon.restart();
  expect((await views()).length === 0 || (await daemon.cli(["info"])).stdout.includes("Users: yes")).toBe(true);
});

describe("a daemon that cannot or shall not map users", () => {
  test("runs steps as before, and says why", async () => {
    const other = await startDaemon({ prepare: async ({ directory }) => chmodSync(directory, 0o700) });
    try {
      expect(await uidMapIn(other)).toBe("0 0 4294967295");
      expect((await other.cli(["info"])).stdout).toContain(`Users: no: ${other.directory} is closed to other users`);
    } finally {
      await other.stop();
    }
  });

  test("is told so by its configuration", async () => {
    const other = await startDaemon({ config: { "build-userns": "host" } });
    try {
      expect(await uidMapIn(other)).toBe("0 0 4294967295");
      expect((await other.cli(["info"])).stdout).toContain("Users: no: build-userns is host");
    } finally {
      await other.stop();
    }
  });

  async function uidMapIn(daemon: TestDaemon): Promise<string> {
    const made = await daemon.cli(["build", "--progress", "plain", "-"], {
      input: "FROM busybox\nRUN echo $(cat /proc/self/uid_map)\n",
    });
    expect(made.exitCode, made.stderr).toBe(0);
    return printed(made.stderr, 2)[0]!;
  }
});
