import { FrameDecoder, framedContentType, rawContentType } from "../../api/stream-frame.ts";
import { messageOf } from "../../base/error.ts";
import { containerLogs, inspectContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
import { usageError } from "../exit.ts";
import { apiTime } from "../flags/api-time.ts";
import { writeFrames } from "../session/attached-session.ts";

export const logs = command({
  summary: "Show what a container printed",
  usage: "[OPTIONS] CONTAINER",
  args: { min: 1, max: 1 },
  completes: "containers",
  flags: {
    details: { type: "bool", help: "Show the details the log driver keeps" },
    follow: { type: "bool", short: "f", help: "Go on with what it prints from now" },
    since: { type: "string", help: "Only from this time on: a date, or 42m for the last 42 minutes" },
    tail: { type: "string", short: "n", default: "all", help: "Lines to show from the end" },
    timestamps: { type: "bool", short: "t", help: "Show the time of each line" },
    until: { type: "string", help: "Only up to this time" },
  },
  examples: [["isle logs -f --tail 20 web", "The last 20 lines, and whatever follows"]],
  async run({ flags, args, client, io }) {
    const query = {
      ...flags,
      since: moment("since", flags.since),
      until: moment("until", flags.until),
      stdout: true,
      stderr: true,
    };
    const answer = await containerLogs(client, args[0]!, query);
    const type = answer.headers.get("content-type") ?? "";
    const isRaw = type === rawContentType || (type !== framedContentType && (await hasTerminal(client, args[0]!)));
    const decoder = new FrameDecoder();
    for await (const chunk of answer.body) {
      if (isRaw) await io.stdout.write(chunk);
      else await writeFrames(decoder, chunk, io);
    }
    return undefined;
  },
});

async function hasTerminal(client: Parameters<typeof inspectContainer>[0], id: string): Promise<boolean> {
  return (await inspectContainer(client, id)).Config?.Tty ?? false;
}

function moment(flag: string, text: string): string {
  try {
    return apiTime(text);
  } catch (error) {
    throw usageError(`invalid value for "${flag}": ${messageOf(error)}`);
  }
}
