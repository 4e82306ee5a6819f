import { createServer, type IncomingMessage, type ServerResponse, request as send } from "node:http";
import type { AddressInfo } from "node:net";

export interface CutterOptions {
  /** Breaks the connection of the answer for a longer blob after so many bytes … */
  readonly cutAfterBytes?: number;
  /** … this many times; later answers pass whole. */
  readonly cuts?: number;
  /** Sends no more of a blob after so many bytes, and keeps the connection. */
  readonly stallAfterBytes?: number;
  /** Changes one byte of each blob that is long enough. */
  readonly flipByteAt?: number;
}

export interface Cutter {
  readonly host: string;
  /** Requests so far, as `METHOD path`. */
  readonly requests: string[];
  /** The Range header of each request for a blob. */
  readonly ranges: Array<string | undefined>;
  close(): Promise<void>;
}

/** A proxy in front of a registry that spoils the answers for blobs. */
export async function startCutter(target: string, options: CutterOptions = {}): Promise<Cutter> {
  const requests: string[] = [];
  const ranges: Array<string | undefined> = [];
  let cutsLeft = options.cuts ?? 0;
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const isBlob = request.url!.includes("/blobs/");
    if (isBlob) ranges.push(request.headers.range);
    const headers = { ...request.headers, host: target };
    const outgoing = send(`http://${target}${request.url}`, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      const spoiled = isBlob ? { ...options, cut: () => cutsLeft-- > 0 } : undefined;
      void forward(answer, response, spoiled);
    });
    outgoing.on("error", () => response.destroy());
    request.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    ranges,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

type Spoil = CutterOptions & { readonly cut: () => boolean };

async function forward(answer: IncomingMessage, response: ServerResponse, spoil: Spoil | undefined): Promise<void> {
  const { stallAfterBytes = Infinity, flipByteAt = Infinity } = spoil ?? {};
  const long = Number(answer.headers["content-length"]) > (spoil?.cutAfterBytes ?? Infinity);
  const cutAfterBytes = long && spoil?.cut() ? spoil.cutAfterBytes! : Infinity;
  let sent = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    if (flipByteAt >= sent && flipByteAt < sent + chunk.length) chunk[flipByteAt - sent]! ^= 0xff;
    const room = Math.min(cutAfterBytes, stallAfterBytes) - sent;
    response.write(chunk.subarray(0, Math.max(0, room)));
    sent += chunk.length;
    if (sent >= stallAfterBytes) return;
    if (sent >= cutAfterBytes) return void setImmediate(() => response.destroy());
  }
  response.end();
}
