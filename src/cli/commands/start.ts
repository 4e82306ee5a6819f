import { inspectContainer, startContainer } from "../../client/containers.ts";
import { type Context, command } from "../command.ts";
import { forEachArgument } from "../each.ts";
import { Exit, usageError } from "../exit.ts";
import { runForeground } from "../session/foreground.ts";

const startFlags = {
  attach: { type: "bool", short: "a", help: "Show its output and pass signals on" },
  checkpoint: { type: "string", help: "Checkpoints are not supported", hidden: true },
  "checkpoint-dir": { type: "string", help: "Checkpoints are not supported", hidden: true },
  "detach-keys": { type: "string", help: "Keys that leave it running (ctrl-p,ctrl-q)" },
  interactive: { type: "bool", short: "i", help: "Pass stdin on" },
} as const;

export const start = command({
  summary: "Start containers that do not run",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  args: { min: 1 },
  completes: "containers",
  flags: startFlags,
  examples: [["isle start -ai job", "Start it and stay with it"]],
  async run(context) {
    const { flags, args, client } = context;
    if (flags.checkpoint !== "") throw usageError("checkpoints are not supported");
    if (flags.attach || flags.interactive) return startAttached(context);
    const failed: string[] = [];
    await forEachArgument(context, async (name) => {
      await startContainer(client, name).catch((error: unknown) => {
        failed.push(name);
        throw error;
      });
      return name;
    });
    if (failed.length > 0) throw new Exit(1, `Error: failed to start containers: ${failed.join(", ")}`);
    return args.length === 0 ? 1 : 0;
  },
});

async function startAttached(context: Context<typeof startFlags>): Promise<number> {
  const { flags, args, client, config } = context;
  if (args.length > 1) throw usageError("you cannot start and attach multiple containers at once");
  const { Id, Config, HostConfig } = await inspectContainer(client, args[0]!);
  const detachKeys = flags["detach-keys"] || config().data.detachKeys || "";
  const result = await runForeground(context, {
    id: Id!,
    tty: Config?.Tty ?? false,
    streams: { stdin: flags.interactive && (Config?.OpenStdin ?? false), stdout: true, stderr: true },
    detachKeys,
    proxies: !Config?.Tty,
    condition: HostConfig?.AutoRemove ? "removed" : "next-exit",
    start: () => startContainer(client, Id!, { detachKeys }),
  });
  return result.end === "detached" ? 0 : result.code;
}
