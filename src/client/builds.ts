import type { Client } from "./client.ts";
import type { Filters } from "./containers.ts";

/** A build of the engine's history. */
export interface BuildEntry {
  readonly Id: string;
  readonly Name: string;
  readonly Status: string;
  readonly Error: string;
  readonly CreatedAt: string;
  /** Empty while it runs. */
  readonly EndedAt: string;
  readonly Steps: number;
  readonly FinishedSteps: number;
  readonly CachedSteps: number;
  readonly Warnings: number;
}

const path = (id: string): string => `/isle/builds/${encodeURIComponent(id)}`;

export const listBuilds = (client: Client, filters: Filters = {}): Promise<BuildEntry[]> =>
  client.json("GET", "/isle/builds", { query: { filters } });

/** As the engine sent it. */
export const inspectBuild = (client: Client, id: string): Promise<string> => client.text("GET", path(id));

/** What a build said; of one that runs, until it ends. */
export const buildEvents = <Event>(
  client: Client,
  id: string,
): AsyncGenerator<{ readonly at: number; readonly event: Event }, void> => client.lines("GET", `${path(id)}/log`);

export const removeBuild = (client: Client, id: string): Promise<{ readonly Id: string }> =>
  client.json("DELETE", path(id));
