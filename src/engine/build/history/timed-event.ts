import type { BuildEvent } from "../request.ts";

/** An event of a build, and when it was, in milliseconds since 1970. */
export interface TimedEvent {
  readonly at: number;
  readonly event: BuildEvent;
}

/** One line of a log. Data is in base64; the source of a finding is left out, being the same in all. */
export function encodeEvent({ at, event }: TimedEvent): string {
  const shown = event.kind === "output" ? { ...event, data: Buffer.from(event.data).toString("base64") } : event;
  return `${JSON.stringify({ at, event: event.kind === "lint" ? { ...event, source: { ...event.source, text: "" } } : shown })}\n`;
}

/** The events of a log; what a crash left of its last line is passed over. */
export function* decodeEvents(text: string): Generator<TimedEvent, void> {
  for (const line of text.split("\n")) {
    if (line === "") continue;
    let parsed: { at: number; event: BuildEvent & { data?: string } };
    try {
      parsed = JSON.parse(line);
    } catch {
      return;
    }
    const { at, event } = parsed;
    const data = event.kind === "output" ? { data: Buffer.from(event.data as unknown as string, "base64") } : {};
    yield { at, event: { ...event, ...data } as BuildEvent };
  }
}
