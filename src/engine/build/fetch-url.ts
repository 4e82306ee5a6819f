import { IsleError, invalid, messageOf } from "../../base/error.ts";
import { formatBinaryBytes } from "../../base/size.ts";
import { withoutPassword } from "../../core/build/git-url.ts";

const maxRedirects = 10;

/** Opens what a URL leads to; only http and https are followed. Fails with invalid unless the server has it. */
export async function openUrl(url: string, signal: AbortSignal): Promise<Response> {
  const shown = withoutPassword(url);
  let next = url;
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    if (!/^https?:\/\//i.test(next)) throw invalid(`cannot fetch ${shown}: it leads to ${withoutPassword(next)}`);
    const response = await fetch(next, { signal, redirect: "manual" }).catch((cause: unknown) => {
      throw new IsleError("unavailable", `cannot fetch ${shown}: ${messageOf(cause)}`, { cause });
    });
    if (response.ok) return response;
    await response.body?.cancel();
    const location = response.headers.get("location");
    if (response.status < 300 || response.status > 399 || location === null) {
      throw invalid(`cannot fetch ${shown}: the server answered ${response.status}`);
    }
    next = new URL(location, next).toString();
  }
  throw invalid(`cannot fetch ${shown}: it redirects more than ${maxRedirects} times`);
}

/** What a URL leads to, no more of it than a build may fetch. */
export async function* boundedBody(
  url: string,
  { body, headers }: Response,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void> {
  const announced = Number(headers.get("content-length") ?? 0);
  if (announced > maxBytes) {
    await body?.cancel();
    throw tooLarge(url, maxBytes);
  }
  let sent = 0;
  for await (const chunk of body ?? []) {
    sent += chunk.length;
    if (sent > maxBytes) throw tooLarge(url, maxBytes);
    yield chunk;
  }
}

const tooLarge = (url: string, maxBytes: number) =>
  invalid(`${withoutPassword(url)} is larger than ${formatBinaryBytes(maxBytes)}, the most that a build fetches`, {
    hint: "the key build-download-limit of the daemon's configuration sets that",
  });
