import { messageOf } from "../../../base/error.ts";
import { KeyedLock } from "../../../base/keyed-lock.ts";
import type { Logger } from "../../../base/log.ts";
import type { Endpoint } from "../../../core/instance.ts";
import type { NetworkRecord } from "../../../core/network.ts";
import { rulesetGeneration, type Watch, watchRulesets } from "../../../os/netlink-events.ts";
import { run, runOk } from "../../../os/process.ts";
import { isIntact, withoutElements } from "./listing.ts";
import { type Forward, forwardChange, forwardsOf, tableRules } from "./rules.ts";

export interface FirewallOptions {
  readonly nft: string;
  /** Name of our table. */
  readonly table: string;
  readonly log: Logger;
  /** What the table is to hold, asked at each time it is written. */
  plan(): { readonly networks: readonly NetworkRecord[]; readonly endpoints: readonly Endpoint[] };
}

/** A reload of a firewall is many changes; the last one counts. */
const settleMs = 50;

/** Our one nftables table. What others do to it is noticed and mended. */
export class Firewall {
  readonly #options: FirewallOptions;
  readonly #turns = new KeyedLock();
  /** Of the rules after our last change. */
  #generation = 0;
  /** Our table as nft shows it when nobody changed it, without its elements. */
  #shown: string | undefined;
  #watch: Watch | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FirewallOptions) {
    this.#options = options;
  }

  /** Begins to notice what others do. */
  guard(): void {
    this.#watch ??= watchRulesets(() => this.#look());
  }

  close(): void {
    this.#watch?.close();
    clearTimeout(this.#timer);
  }

  /** Writes the whole table. */
  write(): Promise<void> {
    return this.#nft(() => {
      this.#shown = undefined;
      const { networks, endpoints } = this.#options.plan();
      return tableRules(this.#options.table, networks, this.#forwards(networks, endpoints));
    });
  }

  /** Publishes the ports of endpoints or takes them back; done at once when there are none. */
  async change(verb: "add" | "delete", endpoints: readonly Endpoint[]): Promise<void> {
    const forwards = this.#forwards(this.#options.plan().networks, endpoints);
    const rules = forwardChange(this.#options.table, verb, forwards);
    if (rules === "") return;
    try {
      await this.#nft(() => rules);
    } catch (error) {
      // Somebody flushed the rules, or they were written as a whole meanwhile: that is what makes them right.
      this.#options.log.debug("the rules are written anew", { error: String(error) });
      await this.write();
    }
  }

  #forwards(networks: readonly NetworkRecord[], endpoints: readonly Endpoint[]): Forward[] {
    const byId = new Map(networks.map((network) => [network.id, network]));
    return endpoints.flatMap((endpoint) => forwardsOf(endpoint, byId.get(endpoint.networkId)));
  }

  /** One change after the other, each planned when its turn comes, so that none undoes another. */
  async #nft(rules: () => string): Promise<void> {
    await this.#turns.run("nft", async () => {
      const before = rulesetGeneration();
      if (this.#generation !== 0 && before !== this.#generation) this.#look();
      await runOk(this.#options.nft, ["-f", "-"], { input: rules() });
      const after = rulesetGeneration();
      if (after !== before + 1) this.#look();
      this.#generation = after;
    });
  }

  /** Looks at the table once the others are done, if it was others. */
  #look(): void {
    if (!this.#watch || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#mend().catch((error: unknown) =>
        this.#options.log.warn("mending the firewall's table failed", { error: messageOf(error) }),
      );
    }, settleMs);
    this.#timer.unref();
  }

  async #mend(): Promise<void> {
    const intact = await this.#turns.run("nft", async () => {
      const now = rulesetGeneration();
      if (this.#shown !== undefined && now === this.#generation) return true;
      const { exitCode, stdout } = await run(this.#options.nft, ["list", "table", "inet", this.#options.table]);
      const { networks, endpoints } = this.#options.plan();
      const forwards = this.#forwards(networks, endpoints);
      const verdict = exitCode === 0 && isIntact(stdout, forwards, this.#shown);
      if (verdict) this.#shown = withoutElements(stdout);
      this.#generation = now;
      return verdict;
    });
    if (intact) return;
    this.#options.log.warn("somebody changed the firewall's table of this engine: it is written anew", {
      table: this.#options.table,
    });
    await this.write();
  }
}
