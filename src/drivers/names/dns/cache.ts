import { lifetime, ttlOffsets } from "./packet.ts";

interface Entry {
  readonly packet: Buffer;
  readonly ttls: readonly number[];
  readonly storedAt: number;
  readonly expiresAt: number;
}

const maxEntries = 2000;

/** Replies of other servers, each for as long as its TTL says and no longer. `now` is in milliseconds. */
export class DnsCache {
  readonly #entries = new Map<string, Entry>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The reply with what is left of its TTLs. */
  get(key: string): Buffer | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    const now = this.#now();
    if (now >= entry.expiresAt) {
      this.#entries.delete(key);
      return undefined;
    }
    const age = Math.floor((now - entry.storedAt) / 1000);
    const packet = Buffer.from(entry.packet);
    for (const offset of entry.ttls) packet.writeUInt32BE(Math.max(0, packet.readUInt32BE(offset) - age), offset);
    return packet;
  }

  put(key: string, packet: Buffer): void {
    const seconds = lifetime(packet);
    if (seconds <= 0) return;
    const now = this.#now();
    this.#entries.delete(key);
    this.#entries.set(key, { packet, ttls: ttlOffsets(packet), storedAt: now, expiresAt: now + seconds * 1000 });
    if (this.#entries.size > maxEntries) this.#entries.delete(this.#entries.keys().next().value!);
  }
}
