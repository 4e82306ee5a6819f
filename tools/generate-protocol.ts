/** Makes the two forms of protocol/contract.ts: constants for TypeScript and a header for C. */
import { exitFlags, fieldTags, frameTypes, limits } from "../protocol/contract.ts";

export const protocolTypesFile = "src/vm/generated/protocol.ts";
export const protocolHeaderFile = "protocol/protocol.h";
const note = "Generated from protocol/contract.ts by `npm run docs`. Do not edit.";

type Named = Readonly<Record<string, readonly [number, string]>>;

export function protocolTypes(): string {
  return `${[
    `/** ${note} */`,
    ...object("frameType", frameTypes),
    ...object("fieldTag", fieldTags),
    ...object("protocolLimit", plain(limits)),
    ...object("exitFlag", plain(exitFlags)),
  ].join("\n")}\n`;
}

export function protocolHeader(): string {
  return `${[
    `/* ${note} */`,
    "#ifndef ISLE_PROTOCOL_H",
    "#define ISLE_PROTOCOL_H",
    ...enumeration("FRAME", frameTypes),
    ...enumeration("FIELD", fieldTags),
    ...enumeration("LIMIT", plain(limits)),
    ...enumeration("EXIT", plain(exitFlags)),
    "#endif",
  ].join("\n")}\n`;
}

const plain = (values: Readonly<Record<string, number>>): Named =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [value, ""] as const]));

function object(name: string, entries: Named): string[] {
  const lines = Object.entries(entries).flatMap(([key, [value, meaning]]) => [
    ...(meaning ? [`  /** ${meaning} */`] : []),
    `  ${key}: ${value},`,
  ]);
  return ["", `export const ${name} = {`, ...lines, "} as const;"];
}

function enumeration(prefix: string, entries: Named): string[] {
  const lines = Object.entries(entries).map(
    ([key, [value, meaning]]) => `  ${prefix}_${upper(key)} = ${value},${meaning ? ` /* ${meaning} */` : ""}`,
  );
  return ["", "enum {", ...lines, "};"];
}

const upper = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
