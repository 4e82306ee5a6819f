import { createHash } from "node:crypto";
import { type Digest, isDigest } from "../../../base/digest.ts";
import { IsleError, invalid, unsupported } from "../../../base/error.ts";
import type { RegistryManifest } from "../../../core/registry.ts";
import { readLimited } from "./body.ts";
import type { WireResponse } from "./transport.ts";

export const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

const maxManifestBytes = 4 << 20;

/** Reads and verifies the manifest in an answer; `reference` is what it was asked for by. */
export async function readManifest(response: WireResponse, reference: string): Promise<RegistryManifest> {
  const contentType = (response.headers["content-type"] ?? "").split(";")[0]!.trim().toLowerCase();
  const announced = response.headers["docker-content-digest"];
  const bytes = await readLimited(response, maxManifestBytes, `manifest ${reference}`);
  const digest: Digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const wanted = isDigest(reference) ? reference : String(announced ?? digest);
  if (isDigest(wanted) && wanted !== digest) {
    throw new IsleError("dataLoss", `manifest verification failed for digest ${wanted}: the registry sent ${digest}`);
  }
  return { digest, mediaType: mediaTypeOf(bytes, contentType), bytes };
}

/** The type the bytes claim for themselves; where they claim none, the one of the answer. */
function mediaTypeOf(bytes: Buffer, contentType: string): string {
  const body = parse(bytes);
  if (body["schemaVersion"] === 1) {
    throw unsupported("the image is in Docker's schema 1 format, which is no longer supported", {
      hint: "push it again with a current client",
    });
  }
  const claimed = typeof body["mediaType"] === "string" ? body["mediaType"] : undefined;
  const type = claimed ?? (manifestTypes.includes(contentType) ? contentType : shapeType(body));
  if (!manifestTypes.includes(type)) throw unsupported(`unsupported manifest media type "${type.slice(0, 100)}"`);
  if (claimed && manifestTypes.includes(contentType) && claimed !== contentType) {
    throw invalid(`manifest claims to be ${claimed} but was sent as ${contentType}`);
  }
  const isIndex = Array.isArray(body["manifests"]);
  if (isIndex === Array.isArray(body["layers"])) throw invalid("manifest is neither an index nor an image, or both");
  if (isIndex !== /index|list/.test(type)) throw invalid(`manifest does not have the form of ${type}`);
  return type;
}

const shapeType = (body: Record<string, unknown>): string =>
  Array.isArray(body["manifests"]) ? manifestTypes[0]! : manifestTypes[2]!;

function parse(bytes: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // Reported below, together with JSON that is no object.
  }
  throw invalid("the registry sent a manifest that is not a JSON object");
}
