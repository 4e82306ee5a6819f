import { type Digest, isDigest } from "../../../base/digest.ts";
import { invalid, unsupported } from "../../../base/error.ts";
import { parseReference, type Reference, withDefaultTag } from "../../../base/reference.ts";
import type { OutputWords } from "../outputs/output.ts";

/** Where a cache comes from. */
export type CacheSource =
  | { readonly kind: "registry"; readonly name: string; readonly reference: Reference }
  /** Inside an image: one that is here, else of a registry where the name can be one's. */
  | { readonly kind: "image"; readonly name: string; readonly reference: Reference | undefined }
  /** With the client, which knows it by that name. */
  | { readonly kind: "local"; readonly name: string; readonly manifest: Digest };

/** Where a cache goes to. */
export type CacheTarget =
  | { readonly kind: "inline" }
  | ({ readonly kind: "registry"; readonly name: string; readonly reference: Reference } & CacheWish)
  | ({ readonly kind: "local"; readonly name: string; readonly tag: string } & CacheWish);

interface CacheWish {
  /** `min`: the steps of the result; `max`: of all stages. */
  readonly mode: "min" | "max";
  /** A failure does not fail the build. */
  readonly ignoreError: boolean;
}

export function parseCacheSource({ type, attributes }: OutputWords): CacheSource {
  if (type === "registry") return { kind: type, ...referenceOf(attributes) };
  if (type !== "local") throw unknownType("importer", type);
  const { src: name = "", digest = "" } = attributes;
  if (name === "") throw invalid("local cache importer requires src");
  if (!isDigest(digest))
    throw invalid('local cache importer requires either explicit digest, "latest" tag or custom tag on index.json');
  return { kind: type, name, manifest: digest };
}

/** An image by any of its names, or by its id. */
export function imageSource(name: string): CacheSource {
  try {
    return { kind: "image", name, reference: withDefaultTag(parseReference(name)) };
  } catch {
    return { kind: "image", name, reference: undefined };
  }
}

export function parseCacheTarget({ type, attributes }: OutputWords): CacheTarget {
  if (type === "inline") return { kind: type };
  const { mode = "min" } = attributes;
  if (mode !== "min" && mode !== "max") throw invalid(`invalid cache mode "${mode}": it is min or max`);
  const wish: CacheWish = { mode, ignoreError: attributes["ignore-error"] === "true" };
  if (attributes["image-manifest"] === "false") {
    throw unsupported("image-manifest=false of a cache", { hint: "leave it out" });
  }
  if (type === "registry") return { kind: type, ...referenceOf(attributes), ...wish };
  if (type !== "local") throw unknownType("exporter", type);
  const { dest: name = "", tag = "latest" } = attributes;
  if (name === "") throw invalid("local cache exporter requires dest");
  return { kind: type, name, tag, ...wish };
}

function referenceOf({ ref = "" }: OutputWords["attributes"]): { name: string; reference: Reference } {
  if (ref === "") throw invalid("registry cache requires ref");
  return { name: ref, reference: withDefaultTag(parseReference(ref)) };
}

const unknownType = (what: string, type: string) =>
  invalid(`unknown cache ${what}: ${JSON.stringify(type)}`, { hint: "caches are inline, registry and local" });
