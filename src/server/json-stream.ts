import { errorReply } from "./error-map.ts";
import type { Exchange } from "./exchange.ts";

/** One line of Docker's progress stream. */
export interface ProgressLine {
  readonly status?: string;
  readonly id?: string;
  readonly progress?: string;
  readonly progressDetail?: { current?: number; total?: number };
  readonly stream?: string;
  readonly aux?: unknown;
  readonly error?: string;
  readonly errorDetail?: { code?: number; message: string };
}

/**
 * Runs `work` while its progress goes out as JSON lines. An error before the first line becomes an ordinary error
 * reply (the router maps it); after it, a line with `error`, since the status is sent already.
 */
export async function streamProgress(
  { response }: Exchange,
  work: (report: (line: ProgressLine) => void) => Promise<void>,
): Promise<void> {
  const report = (line: ProgressLine): void => {
    if (!response.headersSent) response.writeHead(200, { "Content-Type": "application/json" });
    if (!response.writableEnded && !response.destroyed) response.write(`${JSON.stringify(line)}\r\n`);
  };
  try {
    await work(report);
    if (!response.headersSent) response.writeHead(200, { "Content-Type": "application/json" });
  } catch (error) {
    if (!response.headersSent) throw error;
    const { status, message } = errorReply(error);
    report({ errorDetail: { code: status, message }, error: message });
  }
  response.end();
}
