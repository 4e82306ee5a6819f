import { messageOf } from "../../base/error.ts";
import { startContainer } from "../../client/containers.ts";
import { ResponseError } from "../../client/errors.ts";
import { type Context, command } from "../command.ts";
import { containerFlags } from "../create/container-flags.ts";
import type { CreateBody } from "../create/create-body.ts";
import { type Created, createFromFlags } from "../create/create-container.ts";
import { errorText } from "../error-text.ts";
import { Exit, usageError } from "../exit.ts";
import { defaultDetachKeys, parseDetachKeys } from "../session/detach-keys.ts";
import { runForeground } from "../session/foreground.ts";

const runFlags = {
  ...containerFlags,
  detach: { type: "bool", short: "d", help: "Let it run in the background and print its id" },
  "detach-keys": { type: "string", help: `Keys that leave it running (${defaultDetachKeys})` },
  "sig-proxy": { type: "bool", default: true, help: "Pass signals on to the process" },
} as const;

type RunContext = Context<typeof runFlags>;

export const run = command({
  summary: "Make a container from an image and run it",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  args: { min: 1 },
  flags: runFlags,
  flagsFirst: true,
  errorStyle: "run",
  completes: "images",
  examples: [
    ["isle run --rm -it debian:bookworm bash", "A shell that leaves nothing behind"],
    ["isle run -d --name web -p 8080:80 nginx", "A server in the background, published on port 8080"],
    ["isle run --rm --isolation microvm busybox true", "The same image in a virtual machine of its own"],
  ],
  async run(context) {
    const { flags, changed, io, config } = context;
    if (flags.detach && flags.attach.length > 0)
      throw usageError("conflicting options: cannot specify both --attach and --detach");
    const detachKeys = flags["detach-keys"] || config().data.detachKeys || "";
    if (detachKeys !== "") parseDetachKeys(detachKeys);
    const created = await createFromFlags(context, (body) => prepare(body, context));
    if (flags.detach) return startDetached(context, created.id);
    if (created.body.Tty && created.body.AttachStdin && !io.stdin.isTerminal)
      throw usageError("the input device is not a TTY");
    return runAttached(context, created, {
      detachKeys,
      proxies: flags["sig-proxy"] && (!flags.tty || changed.has("sig-proxy")),
    });
  },
});

function prepare(body: CreateBody, { flags, io }: RunContext): void {
  const size = flags.tty ? io.terminal.size() : undefined;
  if (size !== undefined) body.HostConfig.ConsoleSize = [size.rows, size.columns];
  if (!flags.detach) return;
  Object.assign(body, { AttachStdin: false, AttachStdout: false, AttachStderr: false });
  delete body.StdinOnce;
}

async function startDetached({ client, print }: RunContext, id: string): Promise<undefined> {
  await startContainer(client, id).catch(refuseStart);
  await print(id);
}

interface RunSession {
  readonly detachKeys: string;
  readonly proxies: boolean;
}

async function runAttached(context: RunContext, { id, body }: Created, session: RunSession): Promise<number> {
  const result = await runForeground(context, {
    ...session,
    id,
    tty: body.Tty ?? false,
    streams: {
      stdin: body.AttachStdin ?? false,
      stdout: body.AttachStdout ?? false,
      stderr: body.AttachStderr ?? false,
    },
    condition: context.flags.rm ? "removed" : "next-exit",
    start: () => startContainer(context.client, id).catch(refuseStart),
  });
  return result.end === "detached" ? 0 : result.code;
}

/** A process that could not be started has the shell's codes: 127 not found, 126 not executable. */
function refuseStart(error: unknown): never {
  if (!(error instanceof ResponseError)) throw error;
  throw new Exit(startFailureCode(messageOf(error)), errorText(error));
}

function startFailureCode(message: string): number {
  if (/executable file not found|no such file or directory/i.test(message)) return 127;
  return /permission denied|is a directory/i.test(message) ? 126 : 125;
}
