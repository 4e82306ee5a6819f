import type { Io } from "./io.ts";

/** Asks a question on standard output; only y or yes means yes. */
export async function confirm(io: Io, question: string): Promise<boolean> {
  await io.stdout.write(`${question}\nAre you sure you want to continue? [y/N] `);
  const answer = await readLine(io);
  return /^y(es)?$/i.test(answer.trim());
}

/** The next line of standard input without its end. */
export async function readLine({ stdin }: Io): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const chunk = await stdin.read();
    if (chunk === undefined) return text;
    text += decoder.decode(chunk, { stream: true });
    const end = text.indexOf("\n");
    if (end !== -1) return text.slice(0, end).replace(/\r$/, "");
  }
}
