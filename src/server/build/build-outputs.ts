import { pipeline } from "node:stream/promises";
import { IsleError, notFound } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import { type Exchange, type Reply, sent } from "../exchange.ts";

interface Offer {
  readonly archive: AsyncIterable<Uint8Array>;
  readonly settle: { readonly resolve: () => void; readonly reject: (error: unknown) => void };
}

/** Outputs of builds under way that their clients fetch on connections of their own. */
export class BuildOutputs {
  readonly #offers = new Map<string, Offer>();

  /** Tells of the output by `announce` and resolves when it was fetched; fails when that, or the build, was broken off. */
  async offer(archive: AsyncIterable<Uint8Array>, announce: (id: string) => void, signal: AbortSignal): Promise<void> {
    const id = newId();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const cancel = (): void => reject(new IsleError("cancelled", "the build was cancelled"));
    signal.addEventListener("abort", cancel, { once: true });
    this.#offers.set(id, { archive, settle: { resolve, reject } });
    try {
      signal.throwIfAborted();
      announce(id);
      await promise;
    } finally {
      this.#offers.delete(id);
      signal.removeEventListener("abort", cancel);
    }
  }

  /** Sends an output that was offered. An archive that breaks can only end the connection: the build tells why. */
  async send({ response }: Exchange, id: string): Promise<Reply> {
    const offer = this.#offers.get(id);
    if (!offer) throw notFound(`no such output of a build: ${id}`);
    this.#offers.delete(id);
    response.writeHead(200, { "Content-Type": "application/x-tar" });
    try {
      await pipeline(offer.archive, response);
      offer.settle.resolve();
    } catch (error) {
      response.destroy();
      offer.settle.reject(error);
    }
    return sent;
  }
}
