/**
 * Gathers small chunks, so that each costs no write of its own. What is gathered waits for more: for streams that come from a disk,
 * not for those that somebody types.
 */
export async function* gathered(
  source: AsyncIterable<Uint8Array>,
  bytes = 128 << 10,
): AsyncGenerator<Uint8Array, void> {
  let buffer = Buffer.allocUnsafe(bytes);
  let used = 0;
  for await (const chunk of source) {
    if (used > 0 && chunk.length > bytes - used) {
      yield buffer.subarray(0, used);
      buffer = Buffer.allocUnsafe(bytes);
      used = 0;
    }
    if (chunk.length >= bytes) yield chunk;
    else {
      buffer.set(chunk, used);
      used += chunk.length;
    }
  }
  if (used > 0) yield buffer.subarray(0, used);
}
