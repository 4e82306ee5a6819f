import { IsleError } from "../../../base/error.ts";
import type { OutgoingBlob } from "../../../core/registry.ts";
import type { RegistryAnswer, RegistrySession } from "./session.ts";

export interface UploadTarget {
  readonly session: RegistrySession;
  /** Repository path within the registry. */
  readonly path: string;
  readonly scopes: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Uploads a blob: opens an upload, streams the bytes into it, closes it with the digest. */
export async function uploadBlob(target: UploadTarget, blob: OutgoingBlob): Promise<void> {
  const { session, scopes, signal } = target;
  const opened = await session.send({
    method: "POST",
    path: `/v2/${target.path}/blobs/uploads/`,
    headers: { "Content-Length": "0" },
    scopes,
    ok: [202],
    signal,
  });
  const streamed = await session.sendAt(opened.endpoint, {
    method: "PATCH",
    path: locationOf(opened),
    headers: { "Content-Type": "application/octet-stream", "Content-Length": String(blob.sizeBytes) },
    body: blob.open,
    scopes,
    ok: [202, 204],
    signal,
  });
  const closing = new URL(locationOf({ ...opened, response: streamed }));
  closing.searchParams.set("digest", blob.digest);
  const closed = await session.sendAt(opened.endpoint, {
    method: "PUT",
    path: closing.href,
    headers: { "Content-Length": "0" },
    scopes,
    ok: [201, 204],
    signal,
  });
  closed.resume();
}

/** Asks for a mount. A registry that will not opens an upload instead, which is cancelled. */
export async function mountBlob(target: UploadTarget, digest: string, fromPath: string): Promise<boolean> {
  const { session, path, scopes, signal } = target;
  const query = new URLSearchParams({ mount: digest, from: fromPath });
  const answer = await session.send({
    method: "POST",
    path: `/v2/${path}/blobs/uploads/?${query}`,
    headers: { "Content-Length": "0" },
    scopes: [...scopes, `repository:${fromPath}:pull`],
    ok: [201, 202],
    signal,
  });
  if (answer.response.statusCode === 201) {
    answer.response.resume();
    return true;
  }
  await cancelUpload(target, answer).catch(() => {});
  return false;
}

async function cancelUpload({ session, scopes, signal }: UploadTarget, answer: RegistryAnswer): Promise<void> {
  const request = { method: "DELETE" as const, path: locationOf(answer), scopes, ok: [202, 204], signal };
  (await session.sendAt(answer.endpoint, request)).resume();
}

function locationOf({ response, endpoint }: RegistryAnswer): string {
  response.resume();
  const location = response.headers.location ?? "";
  if (location && URL.canParse(location, endpoint.base)) {
    const url = new URL(location, endpoint.base);
    if (url.protocol === "https:" || endpoint.insecure) return url.href;
  }
  throw new IsleError("unavailable", `${endpoint.host} gave no usable location for an upload`);
}
