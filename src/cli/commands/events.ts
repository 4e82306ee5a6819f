import type { EventMessage } from "../../api/generated/engine-api.ts";
import { messageOf } from "../../base/error.ts";
import { systemEvents } from "../../client/system.ts";
import { command } from "../command.ts";
import { usageError } from "../exit.ts";
import { apiTime } from "../flags/api-time.ts";
import { filterFlag, filtersOf, formatFlag } from "../flags/shared.ts";

export const events = command({
  summary: "Show what happens in the engine, as it happens",
  usage: "[OPTIONS]",
  args: { min: 0, max: 0 },
  flags: {
    filter: filterFlag,
    format: { ...formatFlag, help: "Output form: json or a Go template" },
    since: { type: "string", help: "Begin with the events from this time on" },
    until: { type: "string", help: "Stop at this time" },
  },
  examples: [["isle events --filter type=container --filter event=die", "Tell when a container ends"]],
  async run({ flags, client, io }) {
    const show = await formatter(flags.format);
    const query = { since: apiTime(flags.since), until: apiTime(flags.until), filters: filtersOf(flags.filter) };
    for await (const event of systemEvents(client, query)) await io.stdout.write(`${show(event)}\n`);
    return undefined;
  },
});

async function formatter(format: string): Promise<(json: string) => string> {
  if (format === "") return eventLine;
  if (format === "json") return (json) => json;
  const { compileTemplate } = await import("../template/evaluate.ts");
  try {
    const template = compileTemplate(format.replaceAll("\\t", "\t").replaceAll("\\n", "\n"));
    return (json) => {
      const event = JSON.parse(json) as EventMessage;
      return template({ ...event, ...goNames(event, nanosOf(json)) });
    };
  } catch (error) {
    throw usageError(`failed to parse template: template: :1: ${messageOf(error)}`);
  }
}

/** Names that templates use for members whose wire names differ. */
function goNames(event: EventMessage, TimeNano: bigint): Record<string, unknown> {
  const wire = event as Record<string, unknown>;
  return {
    Scope: wire["scope"] ?? "",
    Time: wire["time"],
    TimeNano: String(TimeNano),
    Status: wire["status"] ?? "",
    ID: wire["id"] ?? event.Actor?.ID ?? "",
    From: wire["from"] ?? "",
  };
}

/** `TIME TYPE ACTION ID (attributes)`. */
function eventLine(json: string): string {
  const { Type, Action, Actor } = JSON.parse(json) as EventMessage;
  const attributes = Object.entries(Actor?.Attributes ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`);
  const shown = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return `${localTime(nanosOf(json))} ${Type} ${Action} ${Actor?.ID}${shown}`;
}

const nanosOf = (json: string): bigint => BigInt(/"timeNano":\s*(\d+)/.exec(json)?.[1] ?? 0);

/** Local time with nanoseconds. */
function localTime(digits: bigint): string {
  const date = new Date(Number(digits / 1_000_000n));
  const offset = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const two = (value: number) => String(Math.floor(Math.abs(value))).padStart(2, "0");
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${two(offset / 60)}:${two(offset % 60)}`;
  return `${local}.${String(digits % 1_000_000_000n).padStart(9, "0")}${zone}`;
}
