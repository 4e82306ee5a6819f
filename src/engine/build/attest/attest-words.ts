import { invalid, unsupported } from "../../../base/error.ts";

/** What shall attest to a build. */
export interface AttestWishes {
  readonly sbom: boolean;
  readonly provenance: ProvenanceWish | undefined;
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
    sbom: sbom !== undefined && readSbom(attributesOf(sbom)),
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

function readSbom(attributes: Attributes): boolean {
  const generator = attributes.get("generator");
  if (generator) {
    throw unsupported(`the SBOM generator ${generator}`, { hint: "leave it out: isle reads the image's own records" });
  }
  return !isOff(attributes);
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
