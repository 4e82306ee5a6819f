import { csvFields } from "../create/mounts.ts";
import { usageError } from "../exit.ts";

interface AttestFlags {
  readonly attest: readonly string[];
  readonly sbom: string;
  readonly provenance: string;
}

/** What shall attest to a build, by type; the short flags go before `--attest`. */
export function readAttests({ attest, sbom, provenance }: AttestFlags): Record<string, string> {
  const wishes = new Map<string, string>();
  for (const text of attest) {
    const fields = csvFields(text);
    const type = fields.find((field) => field.startsWith("type="))?.slice("type=".length);
    if (!type) throw usageError(`attestation type not specified: ${text}`);
    if (wishes.has(type)) throw usageError(`duplicate attestation field ${type}`);
    wishes.set(type, fields.filter((field) => !field.startsWith("type=")).join(","));
  }
  for (const [type, text] of [
    ["sbom", sbom],
    ["provenance", provenance],
  ] as const) {
    if (text !== "") wishes.set(type, shortWish(text));
  }
  return Object.fromEntries(wishes);
}

/** `true` and `false`, or settings. */
function shortWish(text: string): string {
  if (/^(1|t|true)$/i.test(text)) return "";
  return /^(0|f|false)$/i.test(text) ? "disabled=true" : text;
}
