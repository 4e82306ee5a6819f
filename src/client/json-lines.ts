/** Lines of text that are not empty, without their ends, however the bytes are cut. */
export async function* textLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (line.trim() !== "") yield line.trim();
    }
  }
  if (rest.trim() !== "") yield rest.trim();
}

/** JSON values, one a line. */
export async function* jsonLines<T>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<T, void> {
  for await (const line of textLines(chunks)) yield JSON.parse(line) as T;
}
