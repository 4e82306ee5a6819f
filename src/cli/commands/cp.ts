import { lstat, stat } from "node:fs/promises";
import { posix, resolve } from "node:path";
import { isCode, messageOf } from "../../base/error.ts";
import { gathered } from "../../base/gather.ts";
import { type PathStat, readArchive, statArchive, writeArchive } from "../../client/containers.ts";
import { type Context, command } from "../command.ts";
import { type CopyTarget, containerPath, copyPlan, firstName } from "../copy/copy-plan.ts";
import { pack } from "../copy/pack.ts";
import { unpack } from "../copy/unpack.ts";
import { usageError } from "../exit.ts";
import { inputChunks } from "../file-stream.ts";

const cpFlags = {
  archive: { type: "bool", short: "a", help: "Keep owner and group" },
  "follow-link": { type: "bool", short: "L", help: "Copy what a symbolic link leads to" },
  quiet: { type: "bool", short: "q", help: "Say nothing" },
} as const;

type CpContext = Context<typeof cpFlags>;

interface Place {
  readonly container: string;
  readonly path: string;
}

export const cp = command({
  summary: "Copy files between a container and this machine",
  usage: ["[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-", "[OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH"],
  args: { min: 2, max: 2 },
  completes: "files",
  flags: cpFlags,
  examples: [
    ["isle cp web:/etc/nginx ./conf", "Take a directory out of a container"],
    ["isle cp - web:/srv < files.tar", "Unpack an archive in a container"],
  ],
  async run(context) {
    const [source, target] = context.args as [string, string];
    if (source === "" || target === "") throw usageError("source and destination can not be empty");
    const from = containerPath(source);
    const to = containerPath(target);
    if (from !== undefined && to !== undefined) throw usageError("copying between containers is not supported");
    if (from !== undefined) await copyOut(context, from, target);
    else if (to !== undefined) await copyIn(context, source, to);
    else throw usageError("must specify at least one container source");
    const quiet = context.flags.quiet || !context.io.stderr.isTerminal || target === "-";
    if (!quiet) await context.warn(`Successfully copied to ${target}`);
    return undefined;
  },
});

const modeSymlink = 2 ** 27;
const modeDirectory = 2 ** 31;
const hasMode = ({ mode }: PathStat, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

async function copyOut({ client, flags, io }: CpContext, from: Place, target: string): Promise<void> {
  const path = flags["follow-link"] ? await followed(client, from) : from.path;
  const { body, stat: info } = await readArchive(client, from.container, path);
  if (target === "-") {
    for await (const chunk of body) await io.stdout.write(chunk);
    return;
  }
  const written = keepTail(resolve(target), target);
  const isDirectory = hasMode(info, modeDirectory);
  const name = flags["follow-link"] ? firstName(from.path) : undefined;
  const plan = copyPlan({ path, isDirectory }, await localTarget(written));
  const rename = plan.rename ?? (name === undefined ? undefined : { from: firstName(path), to: name });
  await unpack(body, { ...plan, rename });
}

/** The path a link in the container leads to. */
async function followed(client: CpContext["client"], { container, path }: Place): Promise<string> {
  const info = await statArchive(client, container, path);
  if (!hasMode(info, modeSymlink)) return path;
  return posix.resolve(posix.dirname(posix.resolve("/", path)), info.linkTarget);
}

async function localTarget(path: string): Promise<CopyTarget> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) {
    const parent = posix.dirname(posix.normalize(path).replace(/(.)\/$/, "$1"));
    const parentInfo = await stat(parent).catch(() => undefined);
    if (!parentInfo?.isDirectory()) throw usageError(`invalid output path: directory "${parent}" does not exist`);
  }
  return { path, exists: info !== undefined, isDirectory: info?.isDirectory() ?? false };
}

async function copyIn({ client, flags, io }: CpContext, source: string, to: Place): Promise<void> {
  const target = await remoteTarget(client, to);
  const options = { noOverwriteDirNonDir: true, copyUIDGID: flags.archive };
  if (source === "-") {
    if (!target.isDirectory) throw usageError(`destination "${to.container}:${to.path}" must be a directory`);
    await writeArchive(client, to.container, { ...options, path: target.path, body: inputChunks(io.stdin) });
    return;
  }
  const path = keepTail(resolve(source), source);
  const info = await (flags["follow-link"] || source.endsWith("/") ? stat(path) : lstat(path)).catch(() => {
    throw usageError(`lstat ${path}: no such file or directory`);
  });
  const plan = copyPlan({ path, isDirectory: info.isDirectory() }, target);
  const name = plan.rename?.to ?? firstName(path);
  const body = gathered(pack(resolve(source), { name, followLink: flags["follow-link"] || source.endsWith("/") }));
  await writeArchive(client, to.container, { ...options, path: plan.directory, body });
}

/** The target in the container; a link stands for what it leads to, whether that exists or not. */
async function remoteTarget(client: CpContext["client"], { container, path }: Place): Promise<CopyTarget> {
  const absolute = keepTail(posix.resolve("/", path), path);
  const info = await statIfThere(client, { container, path: absolute });
  if (info === undefined || !hasMode(info, modeSymlink)) return targetOf(absolute, info);
  const linked = posix.resolve(posix.dirname(absolute), info.linkTarget);
  return targetOf(linked, await statIfThere(client, { container, path: linked }));
}

const targetOf = (path: string, info: PathStat | undefined): CopyTarget => ({
  path,
  exists: info !== undefined,
  isDirectory: info !== undefined && hasMode(info, modeDirectory),
});

async function statIfThere(client: CpContext["client"], { container, path }: Place): Promise<PathStat | undefined> {
  try {
    return await statArchive(client, container, path);
  } catch (error) {
    if (isCode(error, "notFound") && !/no such container/i.test(messageOf(error))) return undefined;
    throw error;
  }
}

/** Puts back the `/` or `/.` at the end, which says what is meant. */
function keepTail(resolved: string, written: string): string {
  if (written === "." || written.endsWith("/.")) return `${resolved}/.`;
  return written.endsWith("/") && resolved !== "/" ? `${resolved}/` : resolved;
}
