import { invalid } from "./error.ts";

/** The instant Go prints for an unset time; Docker's clients treat it as "never". */
export const zeroTime = "0001-01-01T00:00:00Z";

/** Now, as RFC 3339 with nanosecond digits. */
export function now(): string {
  return formatNanos(BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n);
}

/** RFC 3339 with nine fractional digits for nanoseconds since 1970. */
export function formatNanos(nanos: bigint): string {
  const seconds = new Date(Number(nanos / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${(nanos % 1_000_000_000n).toString().padStart(9, "0")}Z`;
}

/** Nanoseconds since 1970 of an RFC 3339 text with any number of fractional digits. */
export function parseNanos(text: string): bigint {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)$/i.exec(text);
  const millis = match ? Date.parse(`${match[1]}T${match[2]}${match[4]!.toUpperCase()}`) : Number.NaN;
  if (!match || Number.isNaN(millis)) throw invalid(`invalid time "${text}"`);
  return BigInt(millis) * 1_000_000n + BigInt((match[3] ?? "").padEnd(9, "0"));
}

const unitNanos: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** Nanoseconds of a Go duration such as `1m30s`, `500ms` or `0`. */
export function parseDuration(text: string): number {
  const match = /^([+-]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+)$/.exec(text);
  if (text === "0") return 0;
  if (!match) throw invalid(`invalid duration "${text}": want a form such as 1m30s or 500ms`);
  let total = 0;
  for (const part of match[2]!.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    total += Number(part[1]) * unitNanos[part[2]!]!;
  }
  return Math.round(match[1] === "-" ? -total : total);
}

/**
 * A moment as Docker's filters take it: Unix seconds (with a fraction), RFC 3339 (whole or shortened),
 * or a Go duration before now. Returns nanoseconds since 1970.
 */
export function parseMoment(text: string, nowMs = Date.now()): bigint {
  const unix = /^(\d+)(?:\.(\d{1,9}))?$/.exec(text);
  if (unix) return BigInt(unix[1]!) * 1_000_000_000n + BigInt((unix[2] ?? "").padEnd(9, "0"));
  if (/^\d{4}-\d\d-\d\d/.test(text)) return parseNanos(completeTime(text));
  return BigInt(nowMs) * 1_000_000n - BigInt(parseDuration(text));
}

function completeTime(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d)(?::(\d\d))?(?::(\d\d(?:\.\d+)?))?)?(Z|[+-]\d\d:?\d\d)?$/i.exec(text);
  if (!match) throw invalid(`invalid time "${text}"`);
  const [, day, hour = "00", minute = "00", second = "00", zone = "Z"] = match;
  return `${day}T${hour}:${minute}:${second}${zone}`;
}
