import { listContainers } from "../../client/containers.ts";
import { type Context, command } from "../command.ts";
import { formatFlag } from "../flags/shared.ts";
import { formatList } from "../format/list.ts";
import { StatsBoard } from "../stats/stats-board.ts";
import { type StatsRow, statsFields } from "../stats/stats-row.ts";

const statsFlags = {
  all: { type: "bool", short: "a", help: "Those that do not run, too" },
  format: formatFlag,
  "no-stream": { type: "bool", help: "Show one reading and end" },
  "no-trunc": { type: "bool", help: "Do not shorten" },
} as const;

const columns = ["Container", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"];
const redrawMs = 500;

export const stats = command({
  summary: "Show what containers use, as it changes",
  usage: "[OPTIONS] [CONTAINER...]",
  args: { min: 0 },
  completes: "running",
  flags: statsFlags,
  examples: [["isle stats --no-stream --format '{{.Name}} {{.MemUsage}}'", "One reading of everything that runs"]],
  async run(context) {
    const { flags, args, client, config, io } = context;
    const format = flags.format || (config().data.statsFormat ?? "");
    const names = args.length > 0 ? args : await running(context);
    const board = new StatsBoard(client, { stream: !flags["no-stream"] });
    for (const name of names) board.follow(name);
    await board.firstReadings();
    if (args.length > 0 && board.errors().length > 0) throw board.errors()[0];
    const fields = statsFields(!flags["no-trunc"]);
    const show = (rows: readonly StatsRow[]) => formatList(rows, { fields, columns, format });
    if (flags["no-stream"]) {
      await io.stdout.write(await show(board.rows()));
      return undefined;
    }
    return redraw(context, board, show);
  },
});

type StatsContext = Context<typeof statsFlags>;

async function running({ client, flags }: StatsContext): Promise<string[]> {
  return (await listContainers(client, { all: flags.all })).map(({ Id }) => Id!);
}

/** Draws the table over itself until interrupted; containers that start later join it. */
async function redraw(
  context: StatsContext,
  board: StatsBoard,
  show: (rows: readonly StatsRow[]) => Promise<string>,
): Promise<number> {
  const { io, args } = context;
  const clear = io.stdout.isTerminal ? "\x1b[2J\x1b[H" : "";
  let stopped = false;
  const undo = io.onSignal("SIGINT", () => {
    stopped = true;
  });
  try {
    while (!stopped && (args.length === 0 || board.isAlive())) {
      if (args.length === 0) for (const name of await running(context)) board.follow(name);
      await io.stdout.write(clear + (await show(board.rows())));
      await new Promise((resolve) => setTimeout(resolve, redrawMs));
    }
    return 0;
  } finally {
    undo();
    board.stop();
  }
}
