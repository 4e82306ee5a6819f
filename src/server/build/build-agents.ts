import type { Duplex } from "node:stream";
import { rawContentType } from "../../api/stream-frame.ts";
import { IsleError, notFound } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { type Exchange, type Reply, sent } from "../exchange.ts";

/** Connections to SSH agents that builds under way want of their clients, which bring each on a connection of its own. */
export class BuildAgents {
  readonly #wanted = new Map<string, (connection: Duplex) => void>();

  /** Tells of the wish by `announce` and resolves with the connection. */
  async connect(announce: (id: string) => void, signal: AbortSignal): Promise<Duplex> {
    const id = newId();
    const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
    const cancel = (): void => reject(new IsleError("cancelled", "the build was cancelled"));
    signal.addEventListener("abort", cancel, { once: true });
    this.#wanted.set(id, resolve);
    try {
      signal.throwIfAborted();
      announce(id);
      return await promise;
    } finally {
      this.#wanted.delete(id);
      signal.removeEventListener("abort", cancel);
    }
  }

  async receive(exchange: Exchange, id: string): Promise<Reply> {
    const take = this.#wanted.get(id);
    if (!take) throw notFound(`no build wants the agent ${id}`);
    this.#wanted.delete(id);
    const connection = await exchange.hijack(rawContentType);
    take(connection);
    await new Promise<void>((resolve) => connection.once("close", () => resolve()));
    return sent;
  }
}
