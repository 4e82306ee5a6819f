import { invalid, unsupported } from "../../../base/error.ts";
import { fullTag } from "../../image/image-name.ts";
import type { LayerForm } from "../../image/layer-form.ts";
import { type Annotation, isAnnotation, parseAnnotations } from "./annotations.ts";

/** What becomes of a build's result. */
export type BuildOutput = ImageOutput | TreeOutput | ArchiveOutput | { readonly kind: "cacheonly" };

/** Into the engine's store, and from there to a registry. */
export interface ImageOutput {
  readonly kind: "image";
  /** Full names. */
  readonly names: readonly string[];
  readonly annotations: readonly Annotation[];
  readonly push: boolean;
  /** Under its digest alone instead of a tag. */
  readonly pushByDigest: boolean;
  /** Repositories in which the image is known by its digest, too. */
  readonly digestNames: readonly string[];
  /** OCI's words for the manifest and the layers instead of Docker's. */
  readonly ociTypes: boolean;
  readonly form: LayerForm;
}

/** The files, to the client: `local` as files, `tar` as one archive. */
export interface TreeOutput {
  readonly kind: "local" | "tar";
  /** A directory for each platform; undefined: where there are several. */
  readonly split: boolean | undefined;
  /** Goes before the names of files that attest to the build. */
  readonly attestationPrefix: string;
}

/** The image to the client, as one archive or as the files of one. */
export interface ArchiveOutput {
  readonly kind: "oci" | "docker";
  readonly asFiles: boolean;
  readonly names: readonly string[];
  readonly annotations: readonly Annotation[];
  readonly form: LayerForm;
}

/** BuildKit's word for an output, with its attributes. */
export interface OutputWords {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Reads an output; `tags` are names that were given to the build itself, and that go before the output's own. */
export function parseOutput({ type, attributes }: OutputWords, tags: readonly string[]): BuildOutput {
  checkAttributes(type, attributes);
  const annotations = parseAnnotations(attributes);
  const own = (attributes["name"] ?? "").split(",").filter(Boolean);
  const names = (tags.length > 0 ? tags : own).map(fullTag);
  switch (type) {
    case "image":
    case "moby":
    case "registry": {
      const push = type === "registry" || flag(attributes, "push");
      if (push && names.length === 0) throw invalid("tag is needed when pushing to registry", { hint: "add -t NAME" });
      const form = formOf(attributes);
      // Docker's words know of gzip alone.
      const ociTypes = flag(attributes, "oci-mediatypes") || form.compression !== "gzip";
      const pushByDigest = flag(attributes, "push-by-digest");
      return {
        kind: "image",
        ...{ names, annotations, push, pushByDigest, ociTypes, form },
        ...digestNames(attributes, names),
      };
    }
    case "docker":
    case "oci":
      return {
        kind: type,
        asFiles: attributes["tar"] !== undefined && !flag(attributes, "tar"),
        names,
        annotations,
        form: formOf(attributes),
      };
    case "local":
    case "tar": {
      const split = attributes["platform-split"] === undefined ? undefined : flag(attributes, "platform-split");
      return { kind: type, split, attestationPrefix: prefixOf(attributes["attestation-prefix"] ?? "") };
    }
    case "cacheonly":
      return { kind: type };
    default:
      throw invalid(`exporter "${type}" could not be found`, {
        hint: "outputs are local, tar, oci, docker, image, registry and cacheonly",
      });
  }
}

const ofImages = [
  "name",
  "compression",
  "compression-level",
  "force-compression",
  "oci-mediatypes",
  "rewrite-timestamp",
];
const ofStore = ["push", "push-by-digest", "name-canonical", "dangling-name-prefix", "unpack", "store"];
/** `dest` is a place of the client's, which sees to it. */
const ofTrees = ["platform-split", "attestation-prefix", "dest"];
/** Not of `moby`, which Docker's own clients write, with more words from version to version. */
const known: Readonly<Record<string, readonly string[]>> = {
  image: [...ofImages, ...ofStore],
  registry: [...ofImages, ...ofStore],
  oci: [...ofImages, "tar", "dest"],
  docker: [...ofImages, "tar", "dest"],
  local: ofTrees,
  tar: ofTrees,
  cacheonly: [],
};

/** Attributes that only one answer fits, and the way out. */
const answers: Readonly<Record<string, readonly [answer: boolean, hint: string]>> = {
  store: [true, "type=cacheonly keeps no image"],
  "rewrite-timestamp": [true, "times are those of SOURCE_DATE_EPOCH, or leave it out"],
  "registry.insecure": [false, "insecure registries are in the daemon's configuration"],
  "prefer-nondist-layers": [false, "leave it out"],
  "oci-artifact": [false, "leave it out"],
  "unsafe-internal-store-allow-incomplete": [false, "leave it out"],
  buildinfo: [false, "--provenance tells what the image is made of"],
};

/** Each attribute acts, or is refused by name. */
function checkAttributes(type: string, attributes: OutputWords["attributes"]): void {
  const names = known[type];
  for (const name of Object.keys(attributes)) {
    const [answer, hint = ""] = answers[name] ?? [];
    if (answer !== undefined && flag(attributes, name) !== answer) {
      throw unsupported(`${name}=${attributes[name]} of the output ${type}`, { hint });
    }
    const isKnown = names?.includes(name) || answer === false || isAnnotation(name);
    if (names && !isKnown) {
      throw invalid(`unknown attribute ${name} of the output ${type}`, { hint: `it has ${names.join(", ")}` });
    }
  }
  const { unpack, "oci-mediatypes": ociTypes } = attributes;
  if (unpack !== undefined) flag(attributes, "unpack");
  if ((type === "oci" || type === "docker") && ociTypes !== undefined && !flag(attributes, "oci-mediatypes")) {
    throw unsupported(`oci-mediatypes=false of the output ${type}`, { hint: "a layout has OCI's words" });
  }
}

/** The store goes by digest as well, on demand. */
function digestNames(attributes: OutputWords["attributes"], names: readonly string[]) {
  const prefix = attributes["dangling-name-prefix"] ?? "";
  return {
    digestNames: [...(flag(attributes, "name-canonical") ? names : []), ...(prefix ? [fullTag(prefix)] : [])],
  };
}

function flag(attributes: OutputWords["attributes"], name: string): boolean {
  const text = attributes[name];
  if (text === undefined) return false;
  if (/^(1|t|true)$/i.test(text)) return true;
  if (/^(|0|f|false)$/i.test(text)) return false;
  throw invalid(`invalid value "${text}" for ${name}: it is true or false`);
}

/** It becomes part of a file's name in the client's directory. */
function prefixOf(text: string): string {
  if (/[/\0]/.test(text)) throw invalid(`invalid attestation-prefix "${text}": it is part of a file's name`);
  return text;
}

const compressions = ["gzip", "zstd", "uncompressed"] as const;

function formOf(attributes: OutputWords["attributes"]): LayerForm {
  const named = attributes["compression"] ?? "gzip";
  const compression = compressions.find((each) => each === named);
  if (!compression) {
    throw invalid(`unsupported layer compression type: ${named}`, { hint: `one of ${compressions.join(", ")}` });
  }
  const level = attributes["compression-level"];
  if (level !== undefined && !/^\d{1,2}$/.test(level)) throw invalid(`invalid compression-level: ${level}`);
  return {
    compression,
    level: level === undefined ? undefined : Number(level),
    force: flag(attributes, "force-compression"),
  };
}
