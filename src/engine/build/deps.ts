import type { GitDriver } from "../../core/git.ts";
import type { Transfers } from "../image/transfers.ts";
import type { InstanceDeps } from "../instance/deps.ts";
import type { BuildJournal } from "./history/journal.ts";
import type { KeptContexts } from "./kept-contexts.ts";

/** What builds work with. */
export interface BuildDeps extends InstanceDeps {
  readonly transfers: Transfers;
  readonly contexts: KeptContexts;
  readonly git: GitDriver;
  readonly journal: BuildJournal;
}
