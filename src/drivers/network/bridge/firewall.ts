import { messageOf } from "../../../base/error.ts";
import { KeyedLock } from "../../../base/keyed-lock.ts";
import type { Logger } from "../../../base/log.ts";
import type { Endpoint } from "../../../core/instance.ts";
import type { NamePort } from "../../../core/names.ts";
import type { NetworkRecord } from "../../../core/network.ts";
import type { Denial } from "../../../core/network-policy.ts";
import { rulesetGeneration, type Watch, watchRulesets } from "../../../os/netlink-events.ts";
import { run, runOk } from "../../../os/process.ts";
import { mergeDenials, type Notes, readNotes } from "./denials.ts";
import { isIntact, withoutElements } from "./listing.ts";
import { type Learned, memberChange } from "./policy-rules.ts";
import { type Forward, forwardChange, forwardsOf, placeOf, tableRules } from "./rules.ts";

export interface FirewallOptions {
  readonly nft: string;
  /** Name of our table. */
  readonly table: string;
  readonly log: Logger;
  /** What the table is to hold, asked at each time it is written. */
  plan(): Plan;
}

interface Plan {
  readonly networks: readonly NetworkRecord[];
  readonly endpoints: readonly Endpoint[];
  /** Where names are answered when not on the usual port. */
  readonly namePorts: readonly NamePort[];
}

/** An address for a set of the table. */
export interface LearnedAddress {
  readonly set: string;
  readonly address: string;
  readonly seconds: number;
}

/** A reload of a firewall is many changes; the last one counts. */
const settleMs = 50;
/** Where others change rules all the time, looking costs little all the same. */
const restMs = 1000;

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
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Elements of published ports that the table has by our doing. */
  #published = new Set<string>();
  /** Noted before the table was last written. */
  #denials: Denial[] = [];
  /** Of addresses that names have: when each is to be forgotten, in milliseconds. */
  readonly #learned = new Map<string, number>();

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

  /** Writes the whole table; what it noted by itself is kept. */
  async write(): Promise<void> {
    await this.#nft(async () => {
      const plan = this.#options.plan();
      const notes = hasPolicies(plan) ? await this.#notes() : undefined;
      if (notes) this.#denials = mergeDenials(this.#denials, notes.denials);
      this.#remember(notes?.learned ?? new Map());
      this.#shown = undefined;
      this.#published = new Set(publishedBy(plan).map((forward) => placeOf(forward)[1]));
      return tableRules(this.#options.table, { ...plan, learned: notes?.learned ?? new Map() });
    });
    if (this.#watch) this.#turns.run("nft", () => this.#portray()).catch(() => {});
  }

  /** Notes how the table looks while it is as we wrote it. Nobody waits for it. */
  async #portray(): Promise<void> {
    if (this.#shown !== undefined || rulesetGeneration() !== this.#generation) return;
    const { nft, table } = this.#options;
    const { exitCode, stdout } = await run(nft, ["list", "table", "inet", table]);
    if (exitCode === 0 && rulesetGeneration() === this.#generation) this.#shown = withoutElements(stdout);
  }

  /** Puts endpoints into the table or takes them out; done at once when no rule is about them. */
  async change(verb: "add" | "delete", endpoints: readonly Endpoint[]): Promise<void> {
    if (endpoints.some(({ egress }) => egress)) return this.write();
    const { table, plan, log } = this.#options;
    const { networks } = plan();
    const rules = endpoints.map((endpoint) => {
      const network = networks.find(({ id }) => id === endpoint.networkId);
      return (
        forwardChange(table, verb, forwardsOf(endpoint, network)) + memberChange(table, verb, { endpoint, network })
      );
    });
    if (rules.join("") === "") return;
    try {
      await this.#nft(() => rules.join(""));
      for (const forward of publishedBy({ networks, endpoints })) {
        if (verb === "add") this.#published.add(placeOf(forward)[1]);
        else this.#published.delete(placeOf(forward)[1]);
      }
    } catch (error) {
      // Somebody flushed the rules, or they were written as a whole meanwhile: that is what makes them right.
      log.debug("the rules are written anew", { error: String(error) });
      await this.write();
    }
  }

  /** What the sets will hold, whatever they held when an address was learned: somebody may have emptied them. */
  #remember(learned: Learned): void {
    this.#learned.clear();
    const now = performance.now();
    for (const [set, addresses] of learned) {
      for (const { address, secondsLeft } of addresses)
        this.#learned.set(`${set} ${address}`, now + secondsLeft * 1000);
    }
  }

  /** Puts addresses into sets for a while. */
  async learn(addresses: readonly LearnedAddress[]): Promise<void> {
    const now = performance.now();
    const isNew = ({ set, address, seconds }: LearnedAddress) =>
      (this.#learned.get(`${set} ${address}`) ?? 0) < now + (seconds * 1000) / 2;
    const fresh = addresses.filter(isNew);
    if (fresh.length === 0) return;
    const { table } = this.#options;
    await this.#nft(() =>
      fresh
        .flatMap(({ set, address, seconds }) => {
          // Once more if it is there: an element does not get another timeout.
          const element = (verb: string, more = "") => `${verb} element inet ${table} ${set} { ${address}${more} }\n`;
          return [element("add"), element("delete"), element("add", ` timeout ${seconds}s`)];
        })
        .join(""),
    );
    for (const [key, until] of this.#learned) if (until < now) this.#learned.delete(key);
    for (const { set, address, seconds } of fresh) this.#learned.set(`${set} ${address}`, now + seconds * 1000);
  }

  async denials(): Promise<Denial[]> {
    return this.#turns.run("nft", async () => mergeDenials(this.#denials, (await this.#notes())?.denials ?? []));
  }

  /** What the table of this or an earlier daemon noted; undefined when there is none. */
  async #notes(): Promise<Notes | undefined> {
    const { nft, table } = this.#options;
    const { exitCode, stdout } = await run(nft, ["--json", "list", "table", "inet", table]);
    return exitCode === 0 ? readNotes(stdout, Date.now()) : undefined;
  }

  /** One change after the other, each planned when its turn comes, so that none undoes another. */
  async #nft(rules: () => string | Promise<string>): Promise<void> {
    await this.#turns.run("nft", async () => {
      const input = await rules();
      const before = rulesetGeneration();
      if (this.#generation !== 0 && before !== this.#generation) this.#look();
      await runOk(this.#options.nft, ["-f", "-"], { input });
      const after = rulesetGeneration();
      if (after !== before + 1) this.#look();
      this.#generation = after;
    });
  }

  /** Looks at the table once the others are done, if it was others. */
  #look(): void {
    if (!this.#watch || this.#timer !== undefined) return;
    const wait = Math.max(settleMs, this.#lookedAt + restMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#mend().catch((error: unknown) =>
        this.#options.log.warn("mending the firewall's table failed", { error: messageOf(error) }),
      );
    }, wait);
    this.#timer.unref();
  }

  async #mend(): Promise<void> {
    const { nft, table, log } = this.#options;
    const intact = await this.#turns.run("nft", async () => {
      const now = rulesetGeneration();
      if (this.#shown !== undefined && now === this.#generation) return true;
      this.#lookedAt = performance.now();
      const { exitCode, stdout } = await run(nft, ["list", "table", "inet", table]);
      const verdict = exitCode === 0 && isIntact(stdout, this.#published, this.#shown);
      this.#generation = now;
      return verdict;
    });
    if (intact) return;
    log.warn("somebody changed the firewall's table of this engine: it is written anew", { table });
    await this.write();
  }
}

function publishedBy({ networks, endpoints }: Pick<Plan, "networks" | "endpoints">): Forward[] {
  const byId = new Map(networks.map((network) => [network.id, network]));
  return endpoints.flatMap((endpoint) => forwardsOf(endpoint, byId.get(endpoint.networkId)));
}

const hasPolicies = ({ networks, endpoints }: Plan): boolean =>
  networks.some(({ policy }) => policy !== undefined) || endpoints.some(({ egress }) => egress !== undefined);
