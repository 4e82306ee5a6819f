import { now, parseNanos } from "../../../base/time.ts";
import type { EngineEvent, EventBus } from "../../../core/event.ts";

const kept = 1024;

/** Events of this daemon's life, in memory. */
export function createMemoryEvents(): EventBus {
  const listeners = new Set<(event: EngineEvent) => void>();
  let events: EngineEvent[] = [];
  return {
    publish(event) {
      const stamped: EngineEvent = { ...event, timeNano: parseNanos(now()) };
      events.push(stamped);
      // Cut now and then, not at every event.
      if (events.length > 2 * kept) events = events.slice(-kept);
      for (const listener of [...listeners]) listener(stamped);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    recent: () => events.slice(-kept),
  };
}
