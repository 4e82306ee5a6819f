/**
 * The two halves of a way out. `outside SOCKET` is a proxy on a socket of the file system; `inside SOCKET PORT`, in a network
 * namespace without a way out, hands each connection on to that.
 */
import { connect, createServer, type Socket } from "node:net";

/** Where packages come from, and nowhere else. */
const allowed = ["deb.debian.org", "registry.npmjs.org"];

const [half = "", socket = "", port = "0"] = process.argv.slice(2);
const server = createServer(half === "outside" ? proxy : (client) => join(client, connect(socket)));
const ready = (): void => console.log("ready");
if (half === "outside") server.listen(socket, ready);
else server.listen(Number(port), "0.0.0.0", ready);

/** The first request says where to; what follows on the connection is between the two. */
function proxy(client: Socket): void {
  let head = Buffer.alloc(0);
  client.on("error", () => {});
  client.on("data", function read(chunk: Buffer) {
    head = Buffer.concat([head, chunk]);
    if (!head.includes("\r\n\r\n")) return;
    client.off("data", read).pause();
    const [method = "", target = ""] = head.toString("latin1").split(" ");
    const isTunnel = method === "CONNECT";
    const url = new URL(isTunnel ? `tunnel://${target}` : target);
    if (!allowed.includes(url.hostname)) {
      client.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const far = connect(Number(url.port || 80), url.hostname, () => {
      if (isTunnel) client.write("HTTP/1.1 200 OK\r\n\r\n");
      else far.write(head);
      join(client, far);
    });
    far.on("error", () => client.destroy());
  });
}

function join(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  one.on("error", () => {}).once("close", () => other.destroy());
  other.on("error", () => {}).once("close", () => one.destroy());
}
