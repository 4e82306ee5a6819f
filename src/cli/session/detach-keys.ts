import { usageError } from "../exit.ts";

export const defaultDetachKeys = "ctrl-p,ctrl-q";

/** The bytes of a key sequence such as `ctrl-p,ctrl-q` or `ctrl-a,d`. */
export function parseDetachKeys(text: string): number[] {
  return text.split(",").map((key) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key);
    if (control) return control[1]!.toLowerCase() === "@" ? 0 : control[1]!.toLowerCase().charCodeAt(0) & 0x1f;
    if (key.length === 1) return key.charCodeAt(0);
    throw usageError(`invalid detach keys (${text}): unknown character: '${key}'`);
  });
}

/** Holds typed bytes back while they may be the beginning of the detach sequence. */
export class DetachFilter {
  readonly #sequence: readonly number[];
  #matched = 0;

  constructor(sequence: readonly number[]) {
    this.#sequence = sequence;
  }

  /** The bytes to pass on, or undefined once the whole sequence was typed. */
  push(data: Uint8Array): Uint8Array | undefined {
    const passed: number[] = [];
    for (const byte of data) {
      if (byte === this.#sequence[this.#matched]) {
        this.#matched += 1;
        if (this.#matched === this.#sequence.length) return undefined;
        continue;
      }
      passed.push(...this.#sequence.slice(0, this.#matched));
      this.#matched = byte === this.#sequence[0] ? 1 : 0;
      if (this.#matched === 0) passed.push(byte);
    }
    return Uint8Array.from(passed);
  }
}
