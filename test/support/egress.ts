import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A way out of a network namespace, for what honors `http_proxy` and `https_proxy`. */
export interface Egress {
  readonly port: number;
  close(): void;
}

/** Where packages come from, and nowhere else. */
const allowed = ["deb.debian.org", "registry.npmjs.org"];

/** Serves a proxy on all addresses of the network namespace of a process. */
export async function openEgress(namespaceOf: number): Promise<Egress> {
  const directory = mkdtempSync(join(tmpdir(), "isle-egress-"));
  const socket = join(directory, "socket");
  const open = new Set<Socket>();
  const server = createServer((client) => {
    open.add(client.once("close", () => open.delete(client)));
    serve(client);
  });
  server.listen(socket);
  await once(server, "listening");
  const port = 3128;
  const program = join(import.meta.dirname, "egress-program.ts");
  const command = ["-t", String(namespaceOf), "-n", process.execPath, program, socket, String(port)];
  const forwarder = spawn("nsenter", command, { stdio: ["ignore", "pipe", "inherit"] });
  await once(forwarder.stdout, "data");
  return {
    port,
    close() {
      forwarder.kill("SIGKILL");
      for (const each of open) each.destroy();
      server.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The first request says where to; what follows on the connection is between the two. */
function serve(client: Socket): void {
  let head = Buffer.alloc(0);
  client.on("error", () => {});
  client.on("data", function read(chunk: Buffer) {
    head = Buffer.concat([head, chunk]);
    if (!head.includes("\r\n\r\n")) return;
    client.off("data", read).pause();
    const [method = "", target = ""] = head.toString("latin1").split(" ");
    const isTunnel = method === "CONNECT";
    const { hostname, port } = new URL(isTunnel ? `tunnel://${target}` : target);
    if (!allowed.includes(hostname)) {
      client.end("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    const server = connect(Number(port || 80), hostname, () => {
      if (isTunnel) client.write("HTTP/1.1 200 OK\r\n\r\n");
      else server.write(head);
      client.pipe(server).pipe(client);
    });
    server.on("error", () => client.destroy());
    client.once("close", () => server.destroy());
  });
}
