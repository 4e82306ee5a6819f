import { createHash } from "node:crypto";
import { createReadStream, rmSync } from "node:fs";
import { Readable } from "node:stream";
import { readTar } from "../../src/base/tar/read-tar.ts";
import type { Side } from "../perf/side.ts";
import type { TestDaemon } from "../support/daemon.ts";

/** What of two images of one name differs: files by name, kind, owner, mode, link and content, and the config. */
export async function compareImages(engines: { isle: TestDaemon; docker: Side }, name: string): Promise<string[]> {
  const [ours, theirs] = await Promise.all([filesOfIsle(engines.isle, name), filesOfDocker(engines.docker, name)]);
  const names = [...new Set([...ours.keys(), ...theirs.keys()])].sort();
  const files = names
    .filter((path) => ours.get(path) !== theirs.get(path))
    .map((path) => `${path}: isle ${ours.get(path) ?? "none"}, docker ${theirs.get(path) ?? "none"}`);
  const [config, other] = [
    configOf((await engines.isle.cli(["inspect", name])).stdout),
    configOf(engines.docker.run("inspect", name)),
  ];
  const history = ["history", "--no-trunc", "--format", "{{.CreatedBy}}", name];
  const [steps, theirSteps] = [(await engines.isle.cli(history)).stdout, engines.docker.run(...history)];
  return [
    ...files,
    ...(config === other ? [] : [`config: isle ${config}, docker ${other}`]),
    ...(steps === theirSteps ? [] : [`history: isle ${steps}, docker ${theirSteps}`]),
  ];
}

/** Made by the engines themselves when a container is created. */
const ofTheEngine = /^(\.dockerenv|dev(\/.*)?|proc|sys|etc|etc\/(hostname|hosts|resolv\.conf|mtab))$/;

type Files = ReadonlyMap<string, string>;

async function filesOfIsle(daemon: TestDaemon, name: string): Promise<Files> {
  const { Id } = await daemon.api.ok("POST", "/containers/create", { json: { Image: name, Cmd: ["none"] } });
  const { body } = await daemon.api.request("GET", `/containers/${Id}/export`);
  await daemon.api.ok("DELETE", `/containers/${Id}`, { query: { v: true } });
  return describe(Readable.from([body], { objectMode: false }));
}

async function filesOfDocker(side: Side, name: string): Promise<Files> {
  const id = side.run("create", name, "none").trim();
  const file = `/tmp/export-${id}`;
  side.shell(`$E export ${id} > ${file}; $E rm -v ${id} >/dev/null`);
  const seenFromHere = `/proc/${side.root}/root${file}`;
  try {
    return await describe(createReadStream(seenFromHere, { highWaterMark: 1 << 20 }));
  } finally {
    rmSync(seenFromHere);
  }
}

async function describe(archive: AsyncIterable<Uint8Array>): Promise<Files> {
  const files = new Map<string, string>();
  for await (const { entry, body } of readTar(archive)) {
    const path = nameOf(entry.name);
    const hash = createHash("sha256");
    for await (const chunk of body) hash.update(chunk);
    if (path === "" || ofTheEngine.test(path)) continue;
    const digest = entry.type === "file" ? hash.digest("hex").slice(0, 12) : "";
    const link = entry.type === "hardLink" ? nameOf(entry.linkName) : Buffer.from(entry.linkName).toString();
    files.set(path, [entry.type, entry.mode.toString(8), `${entry.uid}:${entry.gid}`, digest, link].join(" "));
  }
  return files;
}

const nameOf = (name: Uint8Array): string =>
  Buffer.from(name)
    .toString()
    .replace(/^\.?\/|\/$/g, "");

const members = [
  ...["User", "Env", "Cmd", "Entrypoint", "WorkingDir", "Labels", "ExposedPorts", "Volumes"],
  ...["StopSignal", "Shell", "OnBuild", "Healthcheck", "ArgsEscaped"],
] as const;

function configOf(text: string): string {
  const { Config } = (JSON.parse(text) as Array<{ Config: Record<string, unknown> }>)[0]!;
  return JSON.stringify(Object.fromEntries(members.map((key) => [key, plain(Config[key])])));
}

/** Empty in any way is unset; members of objects have no order. */
function plain(value: unknown): unknown {
  if (value === null || value === undefined || value === "" || value === false) return undefined;
  if (Array.isArray(value)) return value.length === 0 ? undefined : value;
  if (typeof value !== "object") return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}
