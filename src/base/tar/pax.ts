import { invalid } from "../error.ts";

/** Records of a pax extended header, in order; a later record of one name wins when read into a map. */
export type PaxRecord = readonly [name: string, value: Buffer];

/** Reads `LENGTH NAME=VALUE\n` records. */
export function parsePax(body: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  let at = 0;
  while (at < body.length) {
    const space = body.indexOf(0x20, at);
    const digits = space === -1 ? "" : body.toString("latin1", at, space);
    const end = at + Number(digits);
    if (!/^\d{1,10}$/.test(digits) || end > body.length || end <= space + 1 || body[end - 1] !== 0x0a) {
      throw invalid("invalid tar header: a broken pax record");
    }
    const equals = body.indexOf(0x3d, space);
    if (equals <= space + 1 || equals >= end) throw invalid("invalid tar header: a pax record without a name");
    records.push([body.toString("utf8", space + 1, equals), Buffer.from(body.subarray(equals + 1, end - 1))]);
    at = end;
  }
  return records;
}

export function encodePax(records: Iterable<readonly [string, Uint8Array | string]>): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of records) {
    const rest = Buffer.concat([Buffer.from(` ${name}=`), Buffer.from(value as string), Buffer.from("\n")]);
    parts.push(Buffer.from(String(recordLength(rest.length))), rest);
  }
  return Buffer.concat(parts);
}

/** The length counts its own digits. */
function recordLength(restLength: number): number {
  let length = restLength + String(restLength).length;
  if (String(length).length > String(restLength).length) length = restLength + String(length).length;
  return length;
}

/** Nanoseconds of a decimal pax time such as `1700000000.25`. */
export function parsePaxTime(text: string): bigint {
  const match = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text);
  if (!match) throw invalid(`invalid tar header: "${text}" is not a time`);
  const nanos = BigInt(match[2]!) * 1_000_000_000n + BigInt((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  return match[1] === "-" ? -nanos : nanos;
}

export function formatPaxTime(nanos: bigint): string {
  const sign = nanos < 0n ? "-" : "";
  const value = nanos < 0n ? -nanos : nanos;
  const fraction = (value % 1_000_000_000n).toString().padStart(9, "0").replace(/0+$/, "");
  return `${sign}${value / 1_000_000_000n}${fraction === "" ? "" : `.${fraction}`}`;
}
