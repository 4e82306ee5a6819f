import { hasLabel } from "../../base/labels.ts";
import type { EngineEvent } from "../../core/event.ts";
import type { InstanceDeps } from "../instance/deps.ts";

export const eventFilters = [
  "config",
  "container",
  "daemon",
  "event",
  "image",
  "label",
  "network",
  "node",
  "plugin",
  "scope",
  "secret",
  "service",
  "type",
  "volume",
] as const;

export interface EventRequest {
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
  readonly filters: ReadonlyMap<string, readonly string[]>;
}

/** Kept events from `since` on, then new ones until `until` or the signal. */
export async function* watchEvents(
  { events }: Pick<InstanceDeps, "events">,
  { since, until, filters }: EventRequest,
  signal: AbortSignal,
): AsyncGenerator<EngineEvent> {
  const queue = new EventQueue();
  const off = events.subscribe((event) => queue.push(event));
  const end = () => queue.end();
  signal.addEventListener("abort", end);
  const timer = until === undefined ? undefined : setTimeout(end, Math.max(0, Number(until / 1_000_000n) - Date.now()));
  const wanted = (event: EngineEvent) => inPeriod(event, since, until) && matches(event, filters);
  try {
    if (since !== undefined) yield* events.recent().filter(wanted);
    for (let batch = await queue.take(); batch.length > 0; batch = await queue.take()) yield* batch.filter(wanted);
  } finally {
    off();
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

const inPeriod = ({ timeNano }: EngineEvent, since: bigint | undefined, until: bigint | undefined): boolean =>
  (since === undefined || timeNano >= since) && (until === undefined || timeNano <= until);

/** Events between the bus, which does not wait, and a reader that does. */
class EventQueue {
  #events: EngineEvent[] = [];
  #ended = false;
  #wake = () => {};

  push(event: EngineEvent): void {
    this.#events.push(event);
    this.#wake();
  }

  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** What came since the last call, at least one; none once it ended. */
  async take(): Promise<EngineEvent[]> {
    while (this.#events.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const taken = this.#events;
    this.#events = [];
    return taken;
  }
}

/** Each filter must fit; within one any value does, but for labels, which must all. */
export function matches(event: EngineEvent, filters: ReadonlyMap<string, readonly string[]>): boolean {
  return [...filters].every(([name, values]) => matchesOne(event, name, values));
}

function matchesOne(event: EngineEvent, name: string, values: readonly string[]): boolean {
  const { type, action, actor } = event;
  switch (name) {
    case "type":
      return values.includes(type);
    case "event":
      return values.some((value) => action === value || action.startsWith(`${value}:`));
    case "label":
      return values.every((value) => hasLabel(actor.attributes, value));
    case "scope":
      return values.includes("local");
    case "image":
      return values.some((value) => namesImage(event, value));
    default:
      return type === name && values.some((value) => namesActor(event, value));
  }
}

const namesActor = ({ actor }: EngineEvent, value: string): boolean =>
  actor.id.startsWith(value) || actor.attributes["name"] === value;

function namesImage({ type, actor }: EngineEvent, value: string): boolean {
  const image = type === "image" ? actor.attributes["name"] : actor.attributes["image"];
  return image === value || image?.split(":")[0] === value || (type === "image" && actor.id.startsWith(value));
}
