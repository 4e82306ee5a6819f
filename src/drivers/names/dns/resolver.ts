import type { NameAsker, NameSource } from "../../../core/names.ts";
import { DnsCache } from "./cache.ts";
import { localAnswer } from "./local-answer.ts";
import { adapt, addressesIn, fitUdp, parseQuery, type Query, reply, responseCode } from "./packet.ts";
import { askUpstream, type Transport } from "./upstream.ts";

export interface Client {
  readonly networkId: string;
  readonly address: string;
  readonly transport: Transport;
}

const timeoutMs = 2000;
const maxPending = 1000;

/** Answers about instances from the records, and about everything else what the asker's servers say. */
export class Resolver {
  readonly #source: NameSource;
  readonly #cache = new DnsCache();
  readonly #pending = new Map<string, Promise<Buffer | undefined>>();

  constructor(source: NameSource) {
    this.#source = source;
  }

  /** The packet to send back; undefined for what is no query. */
  async answer(packet: Buffer, client: Client): Promise<Buffer | undefined> {
    const query = parseQuery(packet);
    if (!query) return undefined;
    const answer = await this.#reply(query, client).catch(() => reply(query, responseCode.serverFailure));
    return client.transport === "udp" ? fitUdp(query, answer) : answer;
  }

  async #reply(query: Query, client: Client): Promise<Buffer> {
    const asker = this.#source.asker(client.networkId, client.address);
    if (!asker) return reply(query, responseCode.refused);
    return localAnswer(query, asker) ?? (await this.#forward(query, asker, client.transport));
  }

  async #forward(query: Query, asker: NameAsker, transport: Transport): Promise<Buffer> {
    const servers = asker.servers();
    // Who has no way out has no names out there either; to fail would have it ask again and again.
    if (servers.length === 0) return reply(query, responseCode.noSuchName);
    const key = `${servers.join(" ")} ${query.key}`;
    const known = this.#cache.get(key) ?? (await this.#ask(key, query, { servers, transport }));
    if (!known) return reply(query, responseCode.serverFailure);
    if (asker.follows(query.name)) await asker.learn(query.name, addressesIn(known));
    return adapt(query, known);
  }

  /** Those who ask the same at the same time share one question. */
  #ask(key: string, query: Query, { servers, transport }: { servers: readonly string[]; transport: Transport }) {
    const shared = `${transport} ${key}`;
    const pending = this.#pending.get(shared);
    if (pending) return pending;
    if (this.#pending.size >= maxPending) return Promise.resolve(undefined);
    const asking = askUpstream(query.packet, { servers, transport, timeoutMs })
      .then((answer) => {
        if (answer) this.#cache.put(key, answer);
        return answer;
      })
      .finally(() => this.#pending.delete(shared));
    this.#pending.set(shared, asking);
    return asking;
  }
}
