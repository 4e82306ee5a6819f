import { IsleError, invalid, messageOf } from "../../../base/error.ts";
import type { WireResponse } from "./transport.ts";

/** The whole body, refused beyond `limit` bytes without reading on. */
export async function readLimited(response: WireResponse, limit: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > limit) throw invalid(`${what} is larger than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof IsleError) throw error;
    throw new IsleError("unavailable", `${what}: the connection broke: ${messageOf(error)}`, { cause: error });
  } finally {
    response.destroy();
  }
  return Buffer.concat(chunks);
}

/** The body as a JSON object; anything else is undefined. */
export async function readJsonObject(
  response: WireResponse,
  limit: number,
  what: string,
): Promise<Record<string, unknown> | undefined> {
  const text = (await readLimited(response, limit, what)).toString();
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
