import type { Io } from "../io.ts";

const proxied = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCONT"];

/** Passes the signals this process gets on as `send(name)`; the returned function ends it. */
export function proxySignals(io: Io, send: (signal: string) => Promise<unknown>): () => void {
  const undo = proxied.map((name) =>
    io.onSignal(name, () => {
      send(name.slice("SIG".length)).catch(() => {}); // it may have ended in the meantime
    }),
  );
  return () => {
    for (const stop of undo) stop();
  };
}
