import type { Io } from "../io.ts";

/** Tells `send` the terminal's size now and whenever it changes; the returned function ends it. */
export function followResizes(
  { terminal }: Io,
  send: (size: { h: number; w: number }) => Promise<unknown>,
): () => void {
  const tell = () => {
    const size = terminal.size();
    if (size === undefined || size.rows === 0) return;
    send({ h: size.rows, w: size.columns }).catch(() => {}); // it may have ended in the meantime
  };
  tell();
  return terminal.onResize(tell);
}
