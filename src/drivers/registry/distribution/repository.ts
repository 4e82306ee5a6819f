import type { Readable } from "node:stream";
import type { Digest } from "../../../base/digest.ts";
import { IsleError } from "../../../base/error.ts";
import type { RegistryManifest, RegistryRepository } from "../../../core/registry.ts";
import { blobBody } from "./blob.ts";
import { readJsonObject } from "./body.ts";
import { manifestTypes, readManifest } from "./manifest.ts";
import type { RegistryRequest, RegistrySession } from "./session.ts";
import { mountBlob, uploadBlob } from "./upload.ts";

/** A repository at `path` of the session's registry. */
export function distributionRepository(session: RegistrySession, path: string): RegistryRepository {
  const pull = [`repository:${path}:pull`];
  const push = [`repository:${path}:pull,push`];
  const get = (rest: string, signal?: AbortSignal, more: Partial<RegistryRequest> = {}) =>
    session.send({
      method: "GET",
      path: `/v2/${path}/${rest}`,
      scopes: pull,
      ok: [200],
      mirrors: true,
      signal,
      ...more,
    });

  return {
    async manifest(reference, signal): Promise<RegistryManifest> {
      const headers = { Accept: manifestTypes.join(", ") };
      const { response } = await get(`manifests/${reference}`, signal, { headers });
      return readManifest(response, reference);
    },
    async blob(digest: Digest, offset = 0, signal?: AbortSignal): Promise<Readable> {
      // Bytes must arrive as stored: no content coding may hide the digest, and ranges count stored bytes.
      const headers = { "Accept-Encoding": "identity", ...(offset > 0 && { Range: `bytes=${offset}-` }) };
      const { response } = await get(`blobs/${digest}`, signal, { headers, ok: offset > 0 ? [200, 206] : [200] });
      return blobBody(response, offset);
    },
    async hasBlob(digest, signal): Promise<boolean> {
      const request = { method: "HEAD" as const, ok: [200, 404], scopes: push, mirrors: false };
      const { response } = await get(`blobs/${digest}`, signal, request);
      response.resume();
      return response.statusCode === 200;
    },
    tags: (signal) => listTags(session, path, signal),
    mountBlob: (digest, fromPath, signal) => mountBlob({ session, path, scopes: push, signal }, digest, fromPath),
    pushBlob: (blob, signal) => uploadBlob({ session, path, scopes: push, signal }, blob),
    async pushManifest(reference, manifest, signal): Promise<void> {
      const { response } = await session.send({
        method: "PUT",
        path: `/v2/${path}/manifests/${reference}`,
        headers: { "Content-Type": manifest.mediaType, "Content-Length": String(manifest.bytes.length) },
        body: manifest.bytes,
        scopes: push,
        ok: [200, 201, 202],
        signal,
      });
      response.resume();
    },
  };
}

const maxTagPages = 1000;

async function listTags(session: RegistrySession, path: string, signal?: AbortSignal): Promise<string[]> {
  const tags: string[] = [];
  let next: string | undefined = `/v2/${path}/tags/list`;
  for (let page = 0; next && page < maxTagPages; page++) {
    const scopes = [`repository:${path}:pull`];
    const { response, endpoint } = await session.send({
      method: "GET",
      path: next,
      scopes,
      ok: [200],
      mirrors: true,
      signal,
    });
    const link = /<([^>]+)>\s*;\s*rel="?next"?/.exec(String(response.headers["link"] ?? ""));
    const body = await readJsonObject(response, 16 << 20, `tags of ${path}`);
    if (!Array.isArray(body?.["tags"])) throw new IsleError("notFound", `no tags of ${path}`);
    tags.push(...(body["tags"] as unknown[]).filter((tag) => typeof tag === "string"));
    const url: URL | undefined =
      link && URL.canParse(link[1]!, endpoint.base) ? new URL(link[1]!, endpoint.base) : undefined;
    next = url && url.host === endpoint.host ? `${url.pathname}${url.search}` : undefined;
  }
  return tags;
}
