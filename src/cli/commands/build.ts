import { readFileSync, writeFileSync } from "node:fs";
import type { BuildLine } from "../../client/build.ts";
import { askAbout } from "../build/ask-about.ts";
import { buildDisplay } from "../build/build-display.ts";
import { type BuildEvent, placeText } from "../build/build-log.ts";
import { readAgents } from "../build/forward-agent.ts";
import { outputFlags } from "../build/output-flags.ts";
import { registryConfigHeader } from "../build/registry-config.ts";
import {
  attend,
  type ResultWishes,
  readResultWishes,
  registryNames,
  resultQuery,
  writeMetadata,
} from "../build/results.ts";
import { buildSources, sendBuild } from "../build/send-build.ts";
import { stepFlags, stepQuery } from "../build/step-flags.ts";
import { type Context, command } from "../command.ts";
import { readText } from "../create/create-container.ts";
import { labels } from "../create/environment.ts";
import { Exit, usageError } from "../exit.ts";

const buildFlags = {
  ...outputFlags,
  ...stepFlags,
  "build-arg": { type: "list", help: "Value of an ARG", value: "name=value" },
  call: { type: "string", help: "Ask about the Dockerfile instead: check, outline or targets", value: "question" },
  check: { type: "bool", help: "Look the Dockerfile over without building it; the same as --call check" },
  "build-context": {
    type: "list",
    help: "More files by a name: a directory, image, repository or URL",
    value: "name=path",
  },
  file: { type: "string", short: "f", help: "Dockerfile; - reads it from stdin", value: "file" },
  label: { type: "list", help: "Label of the image", value: "key=value" },
  "label-file": { type: "list", help: "Read labels from a file", value: "file" },
  "no-cache": { type: "bool", help: "Run every step again" },
  "no-cache-filter": { type: "list", help: "Run the steps of these stages again", value: "stage" },
  platform: { type: "list", help: "Platforms of the image", value: "os/arch" },
  progress: { type: "string", help: "auto, tty, plain, rawjson or quiet" },
  pull: { type: "bool", help: "Look for newer base images" },
  quiet: { type: "bool", short: "q", help: "Print only the image's id" },
  secret: { type: "list", help: "Secret for RUN --mount=type=secret", value: "id=name,src=file" },
  ssh: { type: "list", help: "SSH agent for RUN --mount=type=ssh and for repositories", value: "id[=socket|key]" },
  tag: { type: "list", short: "t", help: "Name of the image", value: "name:tag" },
  target: { type: "string", help: "Stage to build" },
} as const;

type BuildContext = Context<typeof buildFlags>;

export const build = command({
  summary: "Build an image from a Dockerfile",
  usage: "[OPTIONS] PATH | URL | -",
  args: { min: 1, max: 1 },
  flags: buildFlags,
  examples: [
    ["isle build -t app .", "Build the Dockerfile of this directory"],
    ["isle build https://github.com/team/app.git#v1:server", "Build a directory of a repository at a tag"],
    ["isle build --build-context lib=../lib .", "Give COPY --from=lib files of another directory"],
    ["isle build --isolation microvm -t app .", "Run each step in a virtual machine of its own"],
    ["isle build --userns host .", "Let steps make device nodes: root in them is root of the machine"],
    ["isle build --check .", "Say what is doubtful in the Dockerfile, and build nothing"],
    ["isle build --call outline .", "List the arguments, secrets and agents the target may be given"],
    ["isle build -o type=local,dest=out .", "Write the files of the last stage into a directory"],
    ["isle build -o type=oci,dest=app.tar -t app .", "Write the image as an OCI layout"],
    ["isle build --push -t registry.example/app .", "Build, and push what was built"],
    [
      "isle build --platform linux/amd64,linux/arm64 --push -t r.example/app .",
      "Build for two platforms, and push both",
    ],
    ["isle build --sbom --provenance=mode=max --push -t r.example/app .", "Push what attests to the image with it"],
    ["isle build --cache-to type=registry,ref=r.example/cache,mode=max .", "Keep all steps in a registry"],
    ["isle build --ssh default .", "Let steps sign with the keys of your SSH agent, which stay with it"],
    ["isle build --secret id=npm,src=.npmrc .", "Give a step a file that no layer keeps"],
  ],
  async run(context) {
    const { flags, io } = context;
    checkProgress(flags.progress, io);
    const wishes: Wishes = { ...context, ...(await readResultWishes(flags, io)), agents: readAgents(flags.ssh, io) };
    const sources = await buildSources({
      path: context.args[0]!,
      file: flags.file,
      named: flags["build-context"],
      stdin: io.stdin,
    });
    const question = flags.call || (flags.check ? "check" : "");
    if (question !== "" && question !== "build") {
      const call = { query: queryOf(wishes), headers: await headersOf(wishes) };
      return await askAbout(context, sources, { ...call, question });
    }
    const lines = sendBuild<BuildEvent>(context.client, sources, {
      query: queryOf(wishes),
      headers: await headersOf(wishes),
    });
    const quiet = flags.quiet || flags.progress === "quiet";
    const { id, facts } = await follow({ ...wishes, layouts: sources.layouts }, lines, quiet);
    if (flags.iidfile !== "") writeFileSync(flags.iidfile, id);
    if (flags["metadata-file"] !== "") writeMetadata(flags["metadata-file"], facts);
    const usesStdout = wishes.outputs.some(({ target }) => target?.path === "-");
    if (quiet && id !== "" && !usesStdout) await io.stdout.write(`${id}\n`);
    return undefined;
  },
});

/** A command line, and what it comes to. */
type Wishes = BuildContext & ResultWishes;

interface Result {
  /** Of the image; empty without one. */
  readonly id: string;
  readonly facts: Readonly<Record<string, string>>;
}

/** Shows a build, and takes in its outputs. */
async function follow(wishes: Wishes, lines: Lines, quiet: boolean): Promise<Result> {
  const { flags, io } = wishes;
  const display = buildDisplay({ progress: flags.progress, quiet }, { ...io, output: io.stderr });
  let result: Result = { id: "", facts: {} };
  let broken: unknown;
  let place = "";
  for await (const { error, aux: event } of lines) {
    if (error !== undefined) {
      await display.end();
      throw new Exit(1, `${place}isle: failed to build: ${error}`);
    }
    if (event === undefined) continue;
    if (event.kind === "place") place = placeText(event);
    result = resultAfter(result, event);
    broken = (await attend(wishes, wishes, event)) ?? broken;
    await display.take(event);
  }
  await display.end();
  if (broken !== undefined) throw broken;
  return result;
}

function resultAfter(result: Result, event: BuildEvent): Result {
  if (event.kind === "image") return { ...result, id: event.id };
  return event.kind === "exported" ? { id: result.id || idOf(event.facts), facts: event.facts } : result;
}

const idOf = (facts: Result["facts"]): string =>
  facts["containerimage.config.digest"] ?? facts["containerimage.digest"] ?? "";

const headersOf = async (wishes: Wishes): Promise<Record<string, string>> => ({
  ...secretHeader(wishes),
  ...(await registryConfigHeader(wishes.config(), wishes.io, registryNames(wishes, wishes.flags.tag))),
});

type Lines = AsyncGenerator<BuildLine<BuildEvent>, void>;

function checkProgress(progress: string, { stderr }: BuildContext["io"]): void {
  if (progress === "tty" && !stderr.isTerminal) throw new Exit(1, "isle: failed to get console: it is no terminal");
  if (!["", "auto", "plain", "tty", "rawjson", "quiet"].includes(progress)) {
    throw usageError(`invalid progress mode: ${progress}: it is auto, tty, plain, rawjson or quiet`);
  }
}

function queryOf({ flags, io, ...wishes }: Wishes) {
  const around = { env: io.env, cwd: process.cwd(), readText };
  const given = flags["build-arg"].map((text) => {
    const at = text.indexOf("=");
    return at === -1 ? ([text, io.env[text] ?? null] as const) : ([text.slice(0, at), text.slice(at + 1)] as const);
  });
  const epoch = io.env["SOURCE_DATE_EPOCH"];
  const args = Object.fromEntries([...(epoch ? [["SOURCE_DATE_EPOCH", epoch] as const] : []), ...given]);
  return {
    events: true,
    t: flags.tag,
    ...resultQuery(wishes),
    buildargs: JSON.stringify(args),
    labels: JSON.stringify(labels(flags["label-file"], flags.label, around)),
    target: flags.target,
    platform: flags.platform,
    ...stepQuery(flags),
    nocache: flags["no-cache"],
    nocachefilter: flags["no-cache-filter"].join(","),
    pull: flags.pull,
    ssh: [...wishes.agents.keys()].join(","),
  };
}

/** What fits into a header, twice in base64, with room for others. */
const maxSecretBytes = 500_000;

/** A header, since the body is the context: secrets are small. */
function secretHeader({ flags, io }: BuildContext): Record<string, string> {
  const secrets = flags.secret.map((text) => readSecret(text, io.env));
  if (secrets.length === 0) return {};
  const bytes = secrets.reduce((sum, [, content]) => sum + content.length, 0);
  if (bytes > maxSecretBytes) {
    throw new Exit(1, `isle: the secrets are too large: ${bytes} bytes, at most ${maxSecretBytes} go with a build`);
  }
  const contents = secrets.map(([id, content]) => [id, content.toString("base64")]);
  return { "X-Isle-Build-Secrets": Buffer.from(JSON.stringify(Object.fromEntries(contents))).toString("base64") };
}

function readSecret(text: string, env: Readonly<Record<string, string | undefined>>): readonly [string, Buffer] {
  const fields = new Map(text.split(",").map((part) => [part.split("=", 1)[0]!, part.slice(part.indexOf("=") + 1)]));
  const id = fields.get("id");
  if (!id) throw usageError(`invalid secret ${text}: it wants an id`);
  const file = fields.get("src") ?? fields.get("source");
  const name = fields.get("env");
  if (file === undefined) return [id, Buffer.from(env[name ?? id] ?? "")];
  try {
    return [id, readFileSync(file)];
  } catch {
    throw new Exit(1, `isle: secret ${id}: ${file} cannot be read`);
  }
}
