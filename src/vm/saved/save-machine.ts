import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fsyncSync,
  ftruncateSync,
  openSync,
  rmSync,
  writeSync,
  writevSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { IsleError } from "../../base/error.ts";
import type { Monitor } from "../monitor.ts";
import { machineFiles, machineUser } from "../places.ts";
import { StreamSplitter } from "./split-stream.ts";

/** A machine as files from which one or more go on. */
export interface SavedFiles {
  /** Mapped privately by each machine that goes on from it. */
  readonly memory: string;
  /** Of the devices. */
  readonly state: string;
}

export interface SaveOrder {
  /** The machine's directory. */
  readonly directory: string;
  readonly into: SavedFiles;
  readonly memoryBytes: number;
  /** On the disk when this resolves, so that it survives the machine's end. */
  readonly durable: boolean;
}

type Asked = Pick<Monitor, "ask">;

/**
 * Saves a machine that stands still. What of its memory is a file that others see already (a template's) stays there.
 * The machine may go on afterwards.
 */
export async function saveMachine(monitor: Asked, order: SaveOrder): Promise<void> {
  const receiver = await receive(order);
  try {
    const capabilities = [{ capability: "x-ignore-shared", state: true }];
    await monitor.ask("migrate-set-capabilities", { capabilities });
    await monitor.ask("migrate-set-parameters", { "max-bandwidth": fastest });
    await monitor.ask("migrate", { uri: `unix:/out/${saveSocket}` });
    // What keeps the state from being written says more than that it was not taken.
    await Promise.all([receiver.whole, migrated(monitor)]);
  } finally {
    receiver.close();
  }
}

const saveSocket = "save";
const fastest = 2 ** 40;
const mostStateBytes = 256 << 20;

/** QEMU 7.2 saves to no file: it sends to a socket in a directory that it sees, and what arrives is taken apart here. */
async function receive({ directory, into, memoryBytes, durable }: SaveOrder) {
  const outbox = join(directory, machineFiles.outbox);
  rmSync(join(outbox, saveSocket), { force: true });
  const memory = openSync(into.memory, constants.O_CREAT | constants.O_RDWR, 0o600);
  const state = openSync(into.state, "w", 0o600);
  ftruncateSync(memory, memoryBytes);
  for (const path of [into.memory, into.state]) chownSync(path, machineUser, machineUser);
  let stateBytes = 0;
  const splitter = new StreamSplitter({
    writeMemory(pages, offset) {
      if (offset + pages.length * pages[0]!.length > memoryBytes) throw new IsleError("dataLoss", "a page is outside");
      writePages(memory, pages, offset);
    },
    writeState(bytes) {
      stateBytes += bytes.length;
      if (stateBytes > mostStateBytes) throw new IsleError("dataLoss", "the state of a virtual machine has no end");
      for (let done = 0; done < bytes.length; ) done += writeSync(state, bytes, done);
    },
  });
  const { promise: whole, resolve, reject } = Promise.withResolvers<void>();
  whole.catch(() => {});
  const server = createServer((socket) => {
    server.close();
    socket.on("data", (chunk: Buffer) => {
      try {
        splitter.push(chunk);
      } catch (error) {
        socket.destroy();
        reject(error);
      }
    });
    socket.once("error", reject);
    socket.once("close", () => {
      if (!splitter.isOver) return reject(new IsleError("dataLoss", "the state of a virtual machine came in part"));
      if (durable) for (const file of [memory, state]) fsyncSync(file);
      resolve();
    });
  });
  await listenIn(server, outbox);
  return {
    whole,
    close() {
      server.close();
      for (const file of [memory, state]) closeSync(file);
    },
  };
}

/** A disk that is full takes a part first, and then refuses the rest. */
function writePages(file: number, pages: readonly Uint8Array[], offset: number): void {
  const wanted = pages.reduce((sum, { length }) => sum + length, 0);
  const written = writevSync(file, pages as Uint8Array[], offset);
  if (written === wanted) return;
  const rest = Buffer.concat(pages).subarray(written);
  for (let done = 0; done < rest.length; ) {
    done += writeSync(file, rest, done, rest.length - done, offset + written + done);
  }
}

/** A socket's address holds fewer bytes than a path. */
async function listenIn(server: ReturnType<typeof createServer>, directory: string): Promise<void> {
  const place = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    server.listen(`/proc/self/fd/${place}/${saveSocket}`);
    await once(server, "listening");
    chmodSync(join(directory, saveSocket), 0o666);
  } finally {
    closeSync(place);
  }
}

async function migrated(monitor: Asked): Promise<void> {
  for (;;) {
    const answer = (await monitor.ask("query-migrate")) as { status?: string; "error-desc"?: string };
    if (answer.status === "completed") return;
    if (answer.status === "failed" || answer.status === "cancelled") {
      throw new IsleError("internal", `saving a virtual machine ${answer.status}: ${answer["error-desc"] ?? ""}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
