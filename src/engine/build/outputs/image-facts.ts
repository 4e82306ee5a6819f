import type { Digest } from "../../../base/digest.ts";
import { familiarReference, parseReference } from "../../../base/reference.ts";
import type { Descriptor } from "../../image/manifest.ts";
import type { ExportFacts } from "./export-outputs.ts";
import type { ManifestSet } from "./manifests.ts";

/** What clients are told of an image that was described in OCI's words. */
export const factsOf = ({ top, images }: ManifestSet, names: readonly string[]): ExportFacts => ({
  "containerimage.digest": top.digest,
  "containerimage.descriptor": Buffer.from(JSON.stringify(top)).toString("base64"),
  ...(images.length === 1 && { "containerimage.config.digest": images[0]!.image.id }),
  ...namesFact(names),
});

/** Of an image in the engine's store, which goes by the digest of its config. */
export const storedFacts = (id: Digest, names: readonly string[], pushed?: Descriptor): ExportFacts => ({
  "containerimage.digest": pushed?.digest ?? id,
  "containerimage.config.digest": id,
  ...(pushed && { "containerimage.descriptor": Buffer.from(JSON.stringify(pushed)).toString("base64") }),
  ...namesFact(names),
});

const namesFact = (names: readonly string[]): ExportFacts =>
  names.length === 0 ? {} : { "image.name": names.map((name) => familiarReference(parseReference(name))).join(",") };
