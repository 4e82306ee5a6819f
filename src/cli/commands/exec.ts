import { createExec, inspectExec, resizeExec, startExec, startExecDetached } from "../../client/exec.ts";
import { type Context, command } from "../command.ts";
import { readText } from "../create/create-container.ts";
import { environment } from "../create/environment.ts";
import { compact } from "../create/resources.ts";
import { Exit, usageError } from "../exit.ts";
import { runSession } from "../session/attached-session.ts";

const execFlags = {
  detach: { type: "bool", short: "d", help: "Run it in the background" },
  "detach-keys": { type: "string", help: "Keys that leave it running (ctrl-p,ctrl-q)" },
  env: { type: "list", short: "e", help: "Set an environment variable" },
  "env-file": { type: "list", help: "Read environment variables from a file" },
  interactive: { type: "bool", short: "i", help: "Keep stdin open" },
  privileged: { type: "bool", help: "Give the command every right" },
  tty: { type: "bool", short: "t", help: "Give it a terminal" },
  user: { type: "string", short: "u", help: "Who runs it", value: "name|uid[:group|gid]" },
  workdir: { type: "string", short: "w", help: "Directory it starts in" },
} as const;

type ExecContext = Context<typeof execFlags>;

export const exec = command({
  summary: "Run a command in a running container",
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  args: { min: 2 },
  completes: "running",
  flags: execFlags,
  flagsFirst: true,
  examples: [["isle exec -it web sh", "A shell in the container"]],
  async run(context) {
    const { flags, args, client, io, config } = context;
    if (flags.tty && flags.interactive && !flags.detach && !io.stdin.isTerminal)
      throw usageError("the input device is not a TTY");
    const detachKeys = flags["detach-keys"] || config().data.detachKeys || "";
    const id = await createExec(client, args[0]!, execConfig(context, detachKeys));
    const start = { Tty: flags.tty, ...consoleSize(context) };
    if (flags.detach) {
      await startExecDetached(client, id, start);
      return undefined;
    }
    const stream = await startExec(client, id, start);
    let exitCode: number | undefined;
    const onExitCode = (code: number) => {
      exitCode = code;
    };
    const session = runSession(stream, { io, tty: flags.tty, stdin: flags.interactive, detachKeys, onExitCode });
    const stopResizes = flags.tty ? await resizes(context, id) : () => {};
    const end = await session.finally(stopResizes);
    if (end === "detached") throw new Exit(1, "read escape sequence");
    return exitCode ?? (await inspectExec(client, id)).ExitCode ?? 0;
  },
});

function execConfig({ flags, args, io }: ExecContext, detachKeys: string) {
  const around = { env: io.env, cwd: process.cwd(), readText };
  const attached = !flags.detach;
  return {
    ...compact({
      AttachStderr: attached,
      AttachStdin: attached && flags.interactive,
      AttachStdout: attached,
      Detach: flags.detach,
      DetachKeys: detachKeys,
      Env: environment(flags["env-file"], flags.env, around),
      Privileged: flags.privileged,
      Tty: flags.tty,
      User: flags.user,
      WorkingDir: flags.workdir,
    }),
    Cmd: args.slice(1),
  };
}

function consoleSize({ flags, io }: ExecContext): { ConsoleSize?: readonly [number, number] } {
  const size = flags.tty ? io.terminal.size() : undefined;
  return size === undefined ? {} : { ConsoleSize: [size.rows, size.columns] };
}

async function resizes({ io, client }: ExecContext, id: string): Promise<() => void> {
  const { followResizes } = await import("../session/resize.ts");
  return followResizes(io, (size) => resizeExec(client, id, size));
}
