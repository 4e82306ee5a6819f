import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { newId } from "../../base/id.ts";
import type { SshAgent } from "../../engine/build/request.ts";

/**
 * A socket of this machine each connection of which reaches the client's SSH agent by `connect`. What goes through is
 * requests to sign and their answers: the keys stay with the client.
 */
export async function listenForAgent(directory: string, connect: () => Promise<Duplex>): Promise<SshAgent> {
  // Steps as users of a namespace come to it; who may connect is a matter of the socket's own mode.
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  // A socket's path may not be longer than 107 bytes.
  const path = join(directory, newId().slice(0, 12));
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    connect().then(
      (far) => joined(socket, far),
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  return {
    path,
    async close() {
      for (const socket of open) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await rm(path, { force: true });
    },
  };
}

/** Each direction ends by itself; a broken one breaks the other. */
function joined(near: Duplex, far: Duplex): void {
  far.on("error", () => near.destroy());
  far.once("close", () => near.destroy());
  near.once("close", () => far.destroy());
  near.pipe(far);
  far.pipe(near);
}
