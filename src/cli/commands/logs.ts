import { FrameDecoder, framedContentType, rawContentType } from "../../api/stream-frame.ts";
import { containerLogs, inspectContainer } from "../../client/containers.ts";
import { command } from "../command.ts";
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
    const query = { ...flags, since: apiTime(flags.since), until: apiTime(flags.until), stdout: true, stderr: true };
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

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3600 };

/** A duration such as `1h30m` becomes the moment that long ago; anything else goes to the daemon as it is. */
export function apiTime(text: string): string {
  if (!/^(\d+(\.\d+)?[smh])+$/.test(text)) return localTime(text);
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)([smh])/g))
    seconds += Number(amount) * unitSeconds[unit!]!;
  return (Date.now() / 1000 - seconds).toFixed(9);
}

/** A date without a zone is local; the daemon takes seconds since 1970. */
function localTime(text: string): string {
  if (!/^\d{4}-\d\d-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?$/.test(text)) return text;
  const full =
    text.replace(" ", "T") +
    ["T00:00:00", "", "", ":00:00", "", "", ":00"][
      text.length === 10 ? 0 : text.length === 13 ? 3 : text.length === 16 ? 6 : 1
    ]!;
  return (new Date(full).getTime() / 1000).toFixed(9);
}
