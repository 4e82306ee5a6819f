/** Run as a program: answers on the given address and port over UDP and TCP, and prints each question. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";
import { type Answer, decode, encode } from "dns-packet";

const address = process.argv[2]!;
const port = Number(process.argv[4] ?? 53);
const addressOf: Record<string, string> = JSON.parse(process.argv[3] ?? "{}");

function answersFor(type: string, name: string): Answer[] {
  if (type === "TXT" && name === "long.example") {
    return Array.from({ length: 20 }, (_, i) => ({ type: "TXT", name, ttl: 60, data: `${i} ${"text ".repeat(20)}` }));
  }
  if (type !== "A") return [];
  return [{ type: "A", name, ttl: name.startsWith("passing") ? 0 : 60, data: addressOf[name] ?? "192.0.2.7" }];
}

function respond(query: Buffer, overUdp: boolean): Buffer {
  const { id, questions = [] } = decode(query);
  const { type, name } = questions[0]!;
  process.stdout.write(`${type} ${name}\n`);
  const full = encode({ type: "response", id: id!, flags: 0x180, questions, answers: answersFor(type, name) });
  if (!overUdp || full.length <= 512) return full;
  return encode({ type: "response", id: id!, flags: 0x380, questions });
}

const udp = createSocket("udp4");
udp.on("message", (packet, from) => udp.send(respond(packet, true), from.port, from.address));
udp.bind(port, address);
await once(udp, "listening");
const tcp = createServer((socket) => {
  socket.on("data", (data) => {
    const reply = respond((data as Buffer).subarray(2), false);
    const head = Buffer.alloc(2);
    head.writeUInt16BE(reply.length);
    socket.write(Buffer.concat([head, reply]));
  });
  socket.on("error", () => socket.destroy());
});
tcp.listen(port, address);
await once(tcp, "listening");
process.stdout.write("ready\n");
process.stdin.resume().on("end", () => process.exit(0));
