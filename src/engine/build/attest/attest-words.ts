import { invalid, messageOf } from "../../../base/error.ts";
import { parseReference } from "../../../base/reference.ts";

/** What shall attest to a build. */
export interface AttestWishes {
  /** Undefined where none is wanted. */
  readonly sbom: SbomWish | undefined;
  readonly provenance: ProvenanceWish | undefined;
}

export interface SbomWish {
  /** Undefined: the engine reads the image's own records. */
  readonly generator: SbomGenerator | undefined;
}

/** An image that makes the bill, by BuildKit's protocol. */
export interface SbomGenerator {
  readonly image: string;
  /** What it is told besides, by upper-case names. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface ProvenanceWish {
  /** `max` tells the arguments, labels and steps, too. */
  readonly mode: "min" | "max";
  /** SLSA's version of the predicate. */
  readonly version: "v0.2" | "v1";
  /** Only where a manifest carries it along: in images that are pushed, and OCI layouts. */
  readonly inlineOnly: boolean;
  readonly builderId: string;
  readonly reproducible: boolean;
}

/** Reads the wishes by their type; each value is `name=value` with commas between. */
export function parseAttests(words: Readonly<Record<string, string>>): AttestWishes {
  for (const type of Object.keys(words)) {
    if (type !== "sbom" && type !== "provenance") {
      throw invalid(`unknown attestation type ${JSON.stringify(type)}`, { hint: "types are sbom and provenance" });
    }
  }
  const { sbom, provenance } = words;
  return {
    sbom: sbom === undefined ? undefined : readSbom(attributesOf(sbom)),
    provenance: provenance === undefined ? undefined : readProvenance(attributesOf(provenance)),
  };
}

type Attributes = ReadonlyMap<string, string>;

const attributesOf = (text: string): Attributes =>
  new Map(
    text
      .split(",")
      .filter(Boolean)
      .map((field) => {
        const at = field.indexOf("=");
        return at === -1 ? [field, "true"] : [field.slice(0, at), field.slice(at + 1)];
      }),
  );

const isTrue = (text: string | undefined): boolean => /^(1|t|true)$/i.test(text ?? "");

const isOff = (attributes: Attributes): boolean =>
  isTrue(attributes.get("disabled")) || attributes.get("false") === "true";

const ownWords = new Set(["disabled", "true", "false", "generator"]);

function readSbom(attributes: Attributes): SbomWish | undefined {
  if (isOff(attributes)) return undefined;
  const image = attributes.get("generator");
  if (!image) return { generator: undefined };
  try {
    parseReference(image);
  } catch (error) {
    throw invalid(`invalid SBOM generator ${JSON.stringify(image)}: ${messageOf(error)}`);
  }
  const settings: Record<string, string> = {};
  for (const [name, value] of attributes) {
    if (ownWords.has(name)) continue;
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || /[\0\r\n]/.test(value)) {
      throw invalid(`invalid setting ${JSON.stringify(name)} of the SBOM generator`, {
        hint: "it becomes the variable BUILDKIT_SCAN_NAME",
      });
    }
    settings[name.toUpperCase()] = value;
  }
  return { generator: { image, settings } };
}

function readProvenance(attributes: Attributes): ProvenanceWish | undefined {
  if (isOff(attributes)) return undefined;
  const mode = attributes.get("mode") ?? "min";
  const version = attributes.get("version") ?? "v0.2";
  if (mode !== "min" && mode !== "max")
    throw invalid(`invalid provenance mode ${JSON.stringify(mode)}: it is min or max`);
  if (version !== "v0.2" && version !== "v1") {
    throw invalid(`invalid provenance version ${JSON.stringify(version)}: it is v0.2 or v1`);
  }
  return {
    ...{ mode, version },
    inlineOnly: isTrue(attributes.get("inline-only")),
    builderId: attributes.get("builder-id") ?? "",
    reproducible: isTrue(attributes.get("reproducible")),
  };
}
