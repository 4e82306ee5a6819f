/** What happened to one noun, as `/events` tells it. Kept in memory, the last 1,024 for `since`. */
export interface EngineEvent {
  readonly type: "container" | "image" | "volume" | "network" | "daemon" | "builder";
  /** Verb such as `start`, `die`, `pull`; exec actions carry their command after a colon, as in Docker. */
  readonly action: string;
  readonly actor: { readonly id: string; readonly attributes: Readonly<Record<string, string>> };
  /** Nanoseconds since 1970. */
  readonly timeNano: bigint;
}

export interface EventBus {
  publish(event: Omit<EngineEvent, "timeNano">): void;
  /** Calls `listener` for each later event until the returned function is called. */
  subscribe(listener: (event: EngineEvent) => void): () => void;
  /** Kept events, oldest first. */
  recent(): readonly EngineEvent[];
}
