import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { familyOf } from "../../../base/ip.ts";
import { answersQuestion } from "./packet.ts";
import { FrameReader, frame } from "./tcp-frames.ts";

export type Transport = "udp" | "tcp";

export interface Asking {
  readonly servers: readonly string[];
  readonly transport: Transport;
  /** How long to wait for one server. */
  readonly timeoutMs: number;
}

const dnsPort = 53;
const rounds = 2;

/** Asks the servers in turn until one answers; undefined when none does. */
export async function askUpstream(
  query: Buffer,
  { servers, transport, timeoutMs }: Asking,
): Promise<Buffer | undefined> {
  const ask = transport === "udp" ? askOverUdp : askOverTcp;
  for (let round = 0; round < rounds; round += 1) {
    for (const server of servers) {
      const answer = await ask(withRandomId(query), server, timeoutMs).catch(() => undefined);
      if (answer && !isFailure(answer)) return answer;
    }
  }
  return undefined;
}

/** The server has trouble or will not talk to us: another may. */
const isFailure = (packet: Buffer): boolean => [2, 5].includes(packet.readUInt16BE(2) & 15);

/** Harder to guess for who would like to answer in the server's place. */
function withRandomId(query: Buffer): Buffer {
  const out = Buffer.from(query);
  crypto.getRandomValues(out.subarray(0, 2));
  return out;
}

function askOverUdp(query: Buffer, server: string, timeoutMs: number): Promise<Buffer> {
  const socket = createSocket(familyOf(server) === 6 ? "udp6" : "udp4");
  return new Promise<Buffer>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("timeout")), timeoutMs);
    const end = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    socket.on("error", (error) => end(() => reject(error)));
    socket.on("message", (message) => {
      if (answersQuestion(query, message)) end(() => resolve(message));
    });
    // Connected, so that only the server is heard, and that nobody listens there is known at once.
    const connected = (failure?: Error): void => {
      const check = (error?: Error | null): void => {
        if (error) end(() => reject(error));
      };
      if (failure) check(failure);
      else socket.send(query, check);
    };
    socket.connect(dnsPort, server, connected as () => void);
  }).finally(() => socket.close());
}

function askOverTcp(query: Buffer, server: string, timeoutMs: number): Promise<Buffer> {
  const socket = connect({ host: server, port: dnsPort });
  return new Promise<Buffer>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("timeout")), timeoutMs);
    const reader = new FrameReader((message) => {
      clearTimeout(timer);
      if (answersQuestion(query, message)) resolve(message);
      else reject(new Error("an answer to something else"));
    });
    socket.on("connect", () => socket.write(frame(query)));
    socket.on("data", (data) => reader.push(data as Buffer));
    socket.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.on("close", () => {
      clearTimeout(timer);
      reject(new Error("closed"));
    });
  }).finally(() => socket.destroy());
}
