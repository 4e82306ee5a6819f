import { invalid, unsupported } from "../../../base/error.ts";
import { fullTag } from "../../image/image-name.ts";
import type { LayerForm } from "../../image/layer-form.ts";

/** What becomes of a build's result. */
export type BuildOutput = ImageOutput | TreeOutput | ArchiveOutput | { readonly kind: "cacheonly" };

/** Into the engine's store, and from there to a registry. */
export interface ImageOutput {
  readonly kind: "image";
  /** Full names. */
  readonly names: readonly string[];
  readonly push: boolean;
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
  readonly form: LayerForm;
}

/** BuildKit's word for an output, with its attributes. */
export interface OutputWords {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Reads an output; `tags` are names that were given to the build itself, and that go before the output's own. */
export function parseOutput({ type, attributes }: OutputWords, tags: readonly string[]): BuildOutput {
  refuseUnsupported(attributes);
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
      return { kind: "image", names, push, ociTypes, form };
    }
    case "docker":
    case "oci":
      return {
        kind: type,
        asFiles: attributes["tar"] !== undefined && !flag(attributes, "tar"),
        names,
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

function refuseUnsupported(attributes: OutputWords["attributes"]): void {
  if (flag(attributes, "push-by-digest")) throw unsupported("push-by-digest", { hint: "push to a tag" });
  const annotation = Object.keys(attributes).find((name) => name.startsWith("annotation"));
  if (annotation !== undefined) throw unsupported(`the output's attribute ${annotation}`, { hint: "use a label" });
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
