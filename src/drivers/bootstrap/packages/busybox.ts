import { readFile } from "node:fs/promises";
import { IsleError } from "../../../base/error.ts";
import { encodeEntry, endOfArchive, padding } from "../../../base/tar/encode.ts";
import { type TarEntry, tarEntry } from "../../../base/tar/entry.ts";
import type { BaseSystem, BaseSystemRequest } from "../../../core/base-system.ts";
import { run } from "../../../os/process.ts";

interface RootFile {
  readonly entry: TarEntry;
  readonly body?: Uint8Array;
}

/** A root of one static program that is every command. */
export async function buildBusybox({ date, onLine }: BaseSystemRequest): Promise<BaseSystem> {
  const { file, version } = await installedBusybox();
  onLine(`busybox-static ${version}`);
  const program = await readFile(file);
  const applets = (await run(file, ["--list-full"])).stdout.split("\n").filter((path) => path !== "");
  const files = busyboxRoot(program, applets, date);
  return {
    config: { Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"], Cmd: ["sh"] },
    tar: tarOf(files),
  };
}

async function installedBusybox(): Promise<{ file: string; version: string }> {
  const missing = new IsleError("unavailable", "busybox-static is not installed", {
    hint: "apt-get install busybox-static",
  });
  const status = await run("dpkg-query", ["-s", "busybox-static"]).catch(() => undefined);
  const version = /^Version: (\S+)$/m.exec(status?.stdout ?? "")?.[1];
  if (!version || !/^Status: .* installed$/m.test(status?.stdout ?? "")) throw missing;
  const listed = (await run("dpkg-query", ["-L", "busybox-static"])).stdout.split("\n");
  const file = listed.find((path) => path.endsWith("/bin/busybox"));
  if (!file) throw missing;
  return { file, version };
}

const directories: ReadonlyArray<readonly [path: string, mode: number]> = [
  ["bin", 0o755],
  ["dev", 0o755],
  ["etc", 0o755],
  ["home", 0o755],
  ["proc", 0o755],
  ["root", 0o700],
  ["sbin", 0o755],
  ["sys", 0o755],
  ["tmp", 0o1777],
  ["usr", 0o755],
  ["usr/bin", 0o755],
  ["usr/sbin", 0o755],
  ["var", 0o755],
  ["var/log", 0o755],
  ["var/tmp", 0o1777],
];

const passwd = `root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
sys:x:3:3:sys:/dev:/bin/false
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
operator:x:37:37:Operator:/var:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
`;

const group = `root:x:0:
daemon:x:1:
bin:x:2:
sys:x:3:
adm:x:4:
tty:x:5:
disk:x:6:
mail:x:8:
wheel:x:10:root
www-data:x:33:
operator:x:37:
users:x:100:
nogroup:x:65534:
`;

const shadow = "root:*:::::::\nnobody:*:::::::\n";

/** The files of the root in the order of the archive; the program comes before the links to it. */
export function busyboxRoot(program: Uint8Array, applets: readonly string[], date: Date): RootFile[] {
  const modifiedNanos = BigInt(Math.floor(date.getTime() / 1000)) * 1_000_000_000n;
  const file = (name: string, body: Uint8Array, mode = 0o644): RootFile => ({
    entry: tarEntry(name, "file", { mode, sizeBytes: body.length, modifiedNanos }),
    body,
  });
  const text = (name: string, content: string, mode?: number): RootFile => file(name, Buffer.from(content), mode);
  const linkName = Buffer.from("bin/busybox");
  const links = [...new Set(applets.map((path) => path.replace(/^\/+/, "")))]
    .filter((path) => /^(?:usr\/)?s?bin\/[\w[.+-]+$/.test(path) && path !== "bin/busybox")
    .sort()
    .map((name) => ({ entry: tarEntry(name, "hardLink", { linkName, mode: 0o755, modifiedNanos }) }));
  return [
    ...directories.map(([name, mode]) => ({ entry: tarEntry(`${name}/`, "directory", { mode, modifiedNanos }) })),
    file("bin/busybox", program, 0o755),
    text("etc/group", group),
    text("etc/passwd", passwd),
    text("etc/shadow", shadow, 0o640),
    ...links,
  ];
}

async function* tarOf(files: readonly RootFile[]): AsyncGenerator<Uint8Array> {
  for (const { entry, body } of files) {
    yield encodeEntry(entry);
    if (!body) continue;
    yield body;
    yield padding(body.length);
  }
  yield endOfArchive();
}
