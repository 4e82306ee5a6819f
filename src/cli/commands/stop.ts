import { actOnContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
import { forEachArgument } from "../each.ts";

const stopFlags = {
  signal: { type: "string", short: "s", help: "Signal to send first" },
  time: { type: "int", help: "Same as --timeout", hidden: true },
  timeout: { type: "int", short: "t", help: "Seconds to wait before it is killed" },
} as const;

export const stop = command({
  summary: "Stop running containers",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  args: { min: 1 },
  completes: "running",
  flags: stopFlags,
  examples: [["isle stop -t 2 web", "Give it two seconds to end by itself"]],
  run: (context) => endEach(context, "stop"),
});

export const restart = command({
  summary: "Stop containers and start them again",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  args: { min: 1 },
  completes: "containers",
  flags: stopFlags,
  run: (context) => endEach(context, "restart"),
});

type StopContext = Parameters<typeof forEachArgument>[0] &
  Parameters<Parameters<typeof command<typeof stopFlags>>[0]["run"]>[0];

function endEach(context: StopContext, verb: "stop" | "restart"): Promise<number> {
  const { flags, changed, client } = context;
  const seconds = changed.has("timeout") ? flags.timeout : changed.has("time") ? flags.time : undefined;
  const work = async (name: string) => {
    await actOnContainer(client, name, { verb, query: { signal: flags.signal, t: seconds } });
    return name;
  };
  return forEachArgument(context, work, { together: true });
}
