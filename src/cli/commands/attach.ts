import { actOnContainer, inspectContainer } from "../../client/containers.ts";
import { type Context, command } from "../command.ts";
import { Exit, usageError } from "../exit.ts";
import { runForeground } from "../session/foreground.ts";

export const attach = command({
  summary: "Join the standard streams of a running container",
  usage: "[OPTIONS] CONTAINER",
  args: { min: 1, max: 1 },
  completes: "running",
  flags: {
    "detach-keys": { type: "string", help: "Keys that leave it running (ctrl-p,ctrl-q)" },
    "no-stdin": { type: "bool", help: "Do not pass stdin on" },
    "sig-proxy": { type: "bool", default: true, help: "Pass signals on to the process" },
  },
  async run(context) {
    const { flags, args, client, io, config } = context;
    const { Id, Config, State } = await inspectContainer(client, args[0]!);
    if (!State?.Running) throw usageError("You cannot attach to a stopped container, start it first");
    if (State.Paused) throw usageError("You cannot attach to a paused container, unpause it first");
    if (State.Restarting) throw usageError("You cannot attach to a restarting container, wait until it is running");
    const tty = Config?.Tty ?? false;
    const stdin = !flags["no-stdin"] && (Config?.OpenStdin ?? false);
    if (tty && stdin && !io.stdin.isTerminal) throw usageError("the input device is not a TTY");
    const result = await runForeground(context, {
      id: Id!,
      tty,
      streams: { stdin, stdout: true, stderr: true },
      detachKeys: flags["detach-keys"] || config().data.detachKeys || "",
      proxies: flags["sig-proxy"] && !tty,
      condition: "not-running",
      start: () => (tty ? askForRedraw(context, Id!) : Promise.resolve()),
    });
    if (result.end === "detached") throw new Exit(1, "read escape sequence");
    return result.code;
  },
});

/** A program redraws its screen when the size changes: another size for a moment, the session then sets the right one. */
async function askForRedraw({ client, io }: Pick<Context, "client" | "io">, id: string): Promise<void> {
  const size = io.terminal.size();
  if (size === undefined) return;
  const query = { h: size.rows + 1, w: size.columns + 1 };
  await actOnContainer(client, id, { verb: "resize", query }).catch(() => {}); // it may have ended in the meantime
}
