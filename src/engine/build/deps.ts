import type { Transfers } from "../image/transfers.ts";
import type { InstanceDeps } from "../instance/deps.ts";

/** What builds work with. */
export interface BuildDeps extends InstanceDeps {
  readonly transfers: Transfers;
}
