import { invalid } from "./error.ts";

const binary: Record<string, number> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40, p: 2 ** 50 };

/** Parses `512m`, `1.5GiB`, `100kb`, `42` into bytes; units are powers of 1024, as Docker reads them. */
export function parseBytes(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?\s*$/i.exec(text);
  if (!match) throw invalid(`invalid size: '${text}'`);
  return Math.floor(Number(match[1]) * binary[match[2]!.toLowerCase()]!);
}

/** `12.3MB`: powers of 1000, four significant digits, as Docker prints image and layer sizes. */
export const formatBytes = (bytes: number, digits = 4): string =>
  format(bytes, { base: 1000, units: ["B", "kB", "MB", "GB", "TB", "PB", "EB"], digits });

/** `11.7MiB`: powers of 1024, four significant digits, as Docker prints memory. */
export const formatBinaryBytes = (bytes: number, digits = 4): string =>
  format(bytes, { base: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"], digits });

function format(bytes: number, { base, units, digits }: { base: number; units: string[]; digits: number }): string {
  let value = bytes;
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit += 1;
  }
  return `${Number(value.toPrecision(digits))}${units[unit]}`;
}
