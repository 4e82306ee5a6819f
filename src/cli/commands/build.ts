import { readFileSync, writeFileSync } from "node:fs";
import { isCode } from "../../base/error.ts";
import { type BuildLine, buildImage, keptContext } from "../../client/build.ts";
import { type DirectoryContext, directoryContext, inputContext, type LocalContext } from "../build/build-context.ts";
import { type BuildEvent, BuildLog } from "../build/build-log.ts";
import { type Context, command } from "../command.ts";
import { readText } from "../create/create-container.ts";
import { labels } from "../create/environment.ts";
import { Exit, usageError } from "../exit.ts";
import { inputChunks } from "../file-stream.ts";

const buildFlags = {
  "add-host": { type: "list", help: "Another line of /etc/hosts for the steps", value: "host:ip" },
  "build-arg": { type: "list", help: "Value of an ARG", value: "name=value" },
  file: { type: "string", short: "f", help: "Dockerfile; - reads it from stdin", value: "file" },
  iidfile: { type: "string", help: "Write the image's id to this file", value: "file" },
  isolation: { type: "string", help: "What the steps run in: container, sandbox or microvm" },
  label: { type: "list", help: "Label of the image", value: "key=value" },
  "label-file": { type: "list", help: "Read labels from a file", value: "file" },
  memory: { type: "bytes", short: "m", help: "Memory limit of a step" },
  network: { type: "string", help: "Network of the steps: default, none, host" },
  "no-cache": { type: "bool", help: "Run every step again" },
  "no-cache-filter": { type: "list", help: "Run the steps of these stages again", value: "stage" },
  platform: { type: "string", help: "Platform of the image" },
  progress: { type: "string", help: "auto, plain, rawjson or quiet" },
  pull: { type: "bool", help: "Look for newer base images" },
  quiet: { type: "bool", short: "q", help: "Print only the image's id" },
  secret: { type: "list", help: "Secret for RUN --mount=type=secret", value: "id=name,src=file" },
  "shm-size": { type: "bytes", help: "Size of /dev/shm of a step" },
  tag: { type: "list", short: "t", help: "Name of the image", value: "name:tag" },
  target: { type: "string", help: "Stage to build" },
} as const;

type BuildContext = Context<typeof buildFlags>;

export const build = command({
  summary: "Build an image from a Dockerfile",
  usage: "[OPTIONS] PATH | -",
  args: { min: 1, max: 1 },
  flags: buildFlags,
  examples: [
    ["isle build -t app .", "Build the Dockerfile of this directory"],
    ["isle build --isolation microvm -t app .", "Run each step in a virtual machine of its own"],
    ["isle build --secret id=npm,src=.npmrc .", "Give a step a file that no layer keeps"],
  ],
  async run(context) {
    const { flags, io } = context;
    checkProgress(flags.progress);
    const source = await contextOf(context);
    const lines = "archive" in source ? buildAll(context, source) : buildChanged(context, source);
    const quiet = flags.quiet || flags.progress === "quiet";
    const id = await follow(context, lines, quiet);
    if (flags.iidfile !== "") writeFileSync(flags.iidfile, id);
    if (quiet) await io.stdout.write(`${id}\n`);
    return undefined;
  },
});

/** Shows a build, and returns its image's id. */
async function follow({ flags, io }: BuildContext, lines: Lines, quiet: boolean): Promise<string> {
  const log = new BuildLog(io.stderr);
  let id = "";
  for await (const { error, aux: event } of lines) {
    if (error !== undefined) throw new Exit(1, `isle: failed to build: ${error}`);
    if (event === undefined) continue;
    if (event.kind === "image") id = event.id;
    if (flags.progress === "rawjson") await io.stderr.write(`${JSON.stringify(event)}\n`);
    else if (!quiet) await log.take(event);
  }
  return id;
}

type Lines = AsyncGenerator<BuildLine<BuildEvent>, void>;

const buildAll = (context: BuildContext, { dockerfile, archive }: LocalContext): Lines =>
  buildImage(context.client, archive, { query: queryOf(context, dockerfile), headers: secretHeader(context) });

/** Sends what has changed since the last build of the directory, or all of it. */
async function* buildChanged(context: BuildContext, source: DirectoryContext): Lines {
  const { dockerfile, key } = source;
  const { version, facts } = await keptContext(context.client, key);
  const call = (base: string) => ({
    query: { ...queryOf(context, dockerfile), context: key, base },
    headers: secretHeader(context),
  });
  try {
    yield* buildImage(context.client, source.changedSince(new Map(Object.entries(facts))), call(version));
  } catch (error) {
    // Another build of the directory was faster.
    if (version === "" || !isCode(error, "conflict")) throw error;
    yield* buildImage(context.client, source.changedSince(new Map()), call(""));
  }
}

function checkProgress(progress: string): void {
  if (!["", "auto", "plain", "tty", "rawjson", "quiet"].includes(progress)) {
    throw usageError(`invalid progress mode: ${progress}: it is auto, plain, rawjson or quiet`);
  }
}

async function contextOf({ args, flags, io }: BuildContext): Promise<LocalContext | DirectoryContext> {
  const path = args[0]!;
  const readInput = async (): Promise<string> => {
    let text = "";
    for await (const chunk of inputChunks(io.stdin)) text += Buffer.from(chunk).toString();
    return text;
  };
  if (path === "-") return await inputContext(inputChunks(io.stdin), flags.file);
  if (/^(https?|git|ssh):\/\/|^git@/.test(path)) {
    throw new Exit(1, `isle: building from ${path} is not supported: clone or download it, and build the directory`);
  }
  return directoryContext(path, flags.file, readInput);
}

function queryOf({ flags, io }: BuildContext, dockerfile: string) {
  const around = { env: io.env, cwd: process.cwd(), readText };
  const given = flags["build-arg"].map((text) => {
    const at = text.indexOf("=");
    return at === -1 ? ([text, io.env[text] ?? null] as const) : ([text.slice(0, at), text.slice(at + 1)] as const);
  });
  const epoch = io.env["SOURCE_DATE_EPOCH"];
  const args = Object.fromEntries([...(epoch ? [["SOURCE_DATE_EPOCH", epoch] as const] : []), ...given]);
  return {
    dockerfile,
    events: true,
    t: flags.tag,
    buildargs: JSON.stringify(args),
    labels: JSON.stringify(labels(flags["label-file"], flags.label, around)),
    target: flags.target,
    platform: flags.platform,
    isolation: flags.isolation,
    networkmode: flags.network,
    nocache: flags["no-cache"],
    nocachefilter: flags["no-cache-filter"].join(","),
    pull: flags.pull,
    extrahosts: flags["add-host"],
    memory: flags.memory,
    shmsize: flags["shm-size"],
  };
}

/** A header, since the body is the context: secrets are small. */
function secretHeader({ flags, io }: BuildContext): Record<string, string> {
  const secrets = flags.secret.map((text) => readSecret(text, io.env));
  if (secrets.length === 0) return {};
  return { "X-Isle-Build-Secrets": Buffer.from(JSON.stringify(Object.fromEntries(secrets))).toString("base64") };
}

function readSecret(text: string, env: Readonly<Record<string, string | undefined>>): readonly [string, string] {
  const fields = new Map(text.split(",").map((part) => [part.split("=", 1)[0]!, part.slice(part.indexOf("=") + 1)]));
  const id = fields.get("id");
  if (!id) throw usageError(`invalid secret ${text}: it wants an id`);
  const file = fields.get("src") ?? fields.get("source");
  const name = fields.get("env");
  if (file === undefined) return [id, Buffer.from(env[name ?? id] ?? "").toString("base64")];
  try {
    return [id, readFileSync(file).toString("base64")];
  } catch {
    throw new Exit(1, `isle: secret ${id}: ${file} cannot be read`);
  }
}
