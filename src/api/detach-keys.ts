import { invalid } from "../base/error.ts";

const controls: Record<string, number> = { "@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, _: 31 };

/** Bytes of a sequence such as `ctrl-p,ctrl-q`; single characters stand for themselves. */
export function parseDetachKeys(text: string): Uint8Array {
  const bytes = text.split(",").map((key) => {
    const control = /^ctrl-([a-z@[\\\]^_])$/i.exec(key)?.[1]?.toLowerCase();
    if (control !== undefined) return controls[control] ?? control.charCodeAt(0) - 96;
    if (key.length === 1) return key.charCodeAt(0);
    throw invalid(`Invalid detach keys (${text}) provided`);
  });
  return Uint8Array.from(bytes);
}

export const defaultDetachKeys = "ctrl-p,ctrl-q";
