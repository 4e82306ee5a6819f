import { parseDuration } from "../../base/time.ts";
import { usageError } from "../exit.ts";

const datePattern = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(\.\d{1,9})?)?)?)?(Z|[+-]\d\d:?\d\d)?$/i;

/**
 * A moment as the daemon takes it, seconds since 1970. A duration such as `1h30m` is that long ago; a date without
 * a zone is local; empty stays empty. Throws Exit for anything else.
 */
export function apiTime(text: string): string {
  if (text === "" || /^\d+(\.\d+)?$/.test(text)) return text;
  if (/^[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) {
    return (Date.now() / 1000 - parseDuration(text) / 1e9).toFixed(9);
  }
  const [matched, date, hour = "00", minute = "00", second = "00", fraction = ".0", zone = ""] =
    datePattern.exec(text) ?? [];
  const millis =
    matched === undefined ? Number.NaN : Date.parse(`${date}T${hour}:${minute}:${second}${zone.toUpperCase()}`);
  if (Number.isNaN(millis)) throw usageError(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  return `${millis / 1000}.${fraction.slice(1).padEnd(9, "0")}`;
}
