import { KeyedLock } from "../../../base/keyed-lock.ts";
import type { Logger } from "../../../base/log.ts";
import type { Endpoint } from "../../../core/instance.ts";
import type { NetworkRecord } from "../../../core/network.ts";
import { runOk } from "../../../os/process.ts";
import { type Forward, forwardChange, forwardsOf, tableRules } from "./rules.ts";

export interface FirewallOptions {
  readonly nft: string;
  /** Name of our table. */
  readonly table: string;
  readonly log: Logger;
  /** What the table is to hold, asked at each time it is written. */
  plan(): { readonly networks: readonly NetworkRecord[]; readonly endpoints: readonly Endpoint[] };
}

/** Our one nftables table. */
export class Firewall {
  readonly #options: FirewallOptions;
  readonly #turns = new KeyedLock();

  constructor(options: FirewallOptions) {
    this.#options = options;
  }

  /** Writes the whole table. */
  write(): Promise<void> {
    return this.#nft(() => {
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
    return endpoints.flatMap((endpoint) =>
      forwardsOf(
        endpoint,
        networks.find(({ id }) => id === endpoint.networkId),
      ),
    );
  }

  /** One change after the other, each planned when its turn comes, so that none undoes another. */
  async #nft(rules: () => string): Promise<void> {
    await this.#turns.run("nft", () => runOk(this.#options.nft, ["-f", "-"], { input: rules() }));
  }
}
