import type { SoftwarePackage } from "./package.ts";

const magic = Buffer.from("\xff Go buildinf:", "latin1");
/** Of what a binary says about its modules. */
const maxInfoBytes = 4 << 20;
/** Before the two texts of the header. */
const headerBytes = 32;

/**
 * Finds in the bytes of an executable what Go's linker has written about its modules (since Go 1.18 within the header itself).
 * Bytes come in pieces; no more is kept than may be a part of it.
 */
export class GoInfoFinder {
  #kept: Buffer = Buffer.alloc(0);
  #begins = false;

  /** Returns what was found, as soon as it is whole. */
  push(chunk: Uint8Array): GoInfo | undefined {
    this.#kept = Buffer.concat([this.#kept, chunk]);
    for (;;) {
      if (!this.#begins) {
        const at = this.#kept.indexOf(magic);
        if (at === -1) {
          this.#kept = Buffer.from(this.#kept.subarray(Math.max(0, this.#kept.length - magic.length)));
          return undefined;
        }
        this.#kept = Buffer.from(this.#kept.subarray(at));
        this.#begins = true;
      }
      const read = readInfo(this.#kept);
      if (read === "more" && this.#kept.length <= maxInfoBytes) return undefined;
      if (read !== "more" && read !== "none") return read;
      // Other places have the same bytes: tools that look for them.
      this.#kept = this.#kept.subarray(magic.length);
      this.#begins = false;
    }
  }
}

export interface GoInfo {
  readonly version: string;
  readonly modules: string;
}

function readInfo(bytes: Buffer): GoInfo | "more" | "none" {
  if (bytes.length < headerBytes) return "more";
  // The flag that the texts follow; older ones have pointers.
  if ((bytes[15]! & 2) === 0) return "none";
  const version = readText(bytes, headerBytes);
  if (typeof version === "string") return version;
  if (!/^(go\d|devel )/.test(version.text.toString("latin1", 0, 16))) return "none";
  const modules = readText(bytes, version.end);
  if (typeof modules === "string") return modules;
  // Marks of 16 bytes go around it.
  return { version: version.text.toString(), modules: modules.text.subarray(16, -16).toString() };
}

function readText(bytes: Buffer, start: number): { text: Buffer; end: number } | "more" | "none" {
  let length = 0;
  let at = start;
  for (let shift = 0; ; shift += 7, at += 1) {
    if (shift > 21) return "none";
    const byte = bytes[at];
    if (byte === undefined) return "more";
    length += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) break;
  }
  const begin = at + 1;
  if (length > maxInfoBytes - begin) return "none";
  if (begin + length > bytes.length) return "more";
  return { text: bytes.subarray(begin, begin + length), end: begin + length };
}

/** Lines `mod` and `dep` with path and version, behind which `=>` says what was taken instead. */
export function goPackages(source: string, { version, modules }: GoInfo): SoftwarePackage[] {
  const found: Array<{ name: string; version: string }> = [];
  for (const line of modules.split("\n")) {
    const [kind, name, moduleVersion] = line.split("\t");
    if (!name || !moduleVersion) continue;
    if (kind === "mod" || kind === "dep") found.push({ name, version: moduleVersion });
    else if (kind === "=>" && found.length > 0) found[found.length - 1] = { name, version: moduleVersion };
  }
  const [, release] = /^go(\d[\w.]*)/.exec(version) ?? [];
  return [...(release ? [{ name: "stdlib", version: release }] : []), ...found].map((each) => ({
    ...{ ...each, type: "golang" as const, architecture: "", license: "", maintainer: "", source },
  }));
}
