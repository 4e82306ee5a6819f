import { IsleError, invalid, notFound } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { type Exchange, empty, type Reply } from "../exchange.ts";

interface Wish {
  readonly take: (exchange: Exchange) => void;
  readonly fail: (error: unknown) => void;
  /** Settles when the build has read what it wants. */
  readonly over: Promise<void>;
}

/** Files that builds under way want of their clients, which send each on a connection of its own. */
export class BuildFetches {
  readonly #wishes = new Map<string, Wish>();

  /** Tells of the wish by `announce` and reads what the client sends. */
  async *fetch(announce: (id: string) => void, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const id = newId();
    const { promise, resolve, reject } = Promise.withResolvers<Exchange>();
    const cancel = (): void => reject(new IsleError("cancelled", "the build was cancelled"));
    signal.addEventListener("abort", cancel, { once: true });
    const done = Promise.withResolvers<void>();
    this.#wishes.set(id, { take: resolve, fail: reject, over: done.promise });
    try {
      signal.throwIfAborted();
      announce(id);
      yield* (await promise).request;
    } finally {
      this.#wishes.delete(id);
      signal.removeEventListener("abort", cancel);
      done.resolve();
    }
  }

  /** Takes what the client sends, or its word that it cannot. */
  async receive(exchange: Exchange, id: string): Promise<Reply> {
    const wish = this.#wishes.get(id);
    if (!wish) throw notFound(`no build wants the file ${id}`);
    this.#wishes.delete(id);
    const failure = exchange.query.text("error");
    if (failure) wish.fail(invalid(failure));
    else wish.take(exchange);
    await wish.over;
    return empty(204);
  }
}
