import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { connect, createServer, type Server as NetServer } from "node:net";
import { dirname } from "node:path";
import { IsleError, invalid, isErrno } from "../base/error.ts";
import type { DaemonConfig } from "./config.ts";

/** Listens on one `unix://`, `tcp://` or `fd://` address; resolves once clients can connect. */
export async function listen(server: Server, host: string, config: DaemonConfig): Promise<void> {
  const [scheme = "", address = ""] = splitHost(host);
  switch (scheme) {
    case "unix":
      return listenUnix(server, address, config.group);
    case "fd":
      return listenInherited(server);
    default: {
      if (!config.tls) {
        throw invalid(`refusing to listen on ${host} without TLS client certificates`, {
          hint: "give --tlsverify, --tlscacert, --tlscert and --tlskey, or listen on a unix socket",
        });
      }
      const [name = "", port = ""] = address.split(/:(?=\d+$)/);
      return started(server, () => server.listen(Number(port || 2376), name || "127.0.0.1"));
    }
  }
}

export function splitHost(host: string): [scheme: string, address: string] {
  const match = /^(unix|tcp|fd):\/\/(.*)$/.exec(host);
  if (!match) throw invalid(`invalid host ${host}: want unix://PATH, tcp://ADDRESS:PORT or fd://`);
  return [match[1]!, match[2]!];
}

/**
 * On the socket that systemd hands over as descriptor 3. It is accepted from apart from the HTTP server, which in this
 * runtime takes no descriptor and would open a port to everybody instead.
 */
function listenInherited(server: Server): Promise<void> {
  if (!(Number(process.env["LISTEN_FDS"]) >= 1)) {
    throw invalid("fd:// was given, and systemd handed over no socket", { hint: "listen on unix://PATH instead" });
  }
  const acceptor = createServer({ allowHalfOpen: true }, (socket) => void server.emit("connection", socket));
  return started(acceptor, () => acceptor.listen({ fd: 3 }));
}

async function listenUnix(server: Server, path: string, group: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  if (existsSync(path)) {
    if (await answers(path)) throw new IsleError("conflict", `another daemon listens on ${path}`);
    rmSync(path);
  }
  // Nobody but us until owner and mode are right.
  const mask = process.umask(0o177);
  try {
    await started(server, () => server.listen(path));
  } finally {
    process.umask(mask);
  }
  const gid = groupId(group);
  if (gid !== undefined) chownSync(path, 0, gid);
  chmodSync(path, 0o660);
}

function started(server: NetServer, listenNow: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
      resolve();
    });
    listenNow();
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function groupId(name: string): number | undefined {
  try {
    const line = readFileSync("/etc/group", "utf8")
      .split("\n")
      .find((entry) => entry.startsWith(`${name}:`));
    return line ? Number(line.split(":")[2]) : undefined;
  } catch (error) {
    if (isErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}
