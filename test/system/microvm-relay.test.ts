import { afterEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { frameType } from "../../src/vm/generated/protocol.ts";
import { type FrameType, frame, u32 } from "../../src/vm/plan/fields.ts";
import { isleBinary } from "../support/daemon.ts";
import { runCommand } from "../support/namespaces.ts";

/** The relay with a guest that is played here, which does what no agent would. */
interface Stage {
  readonly relay: ChildProcess;
  readonly guest: Socket;
  readonly directory: string;
  readonly ended: Promise<number | null>;
}

const open: Array<() => void> = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

async function listenAt(directory: string, name: string): Promise<{ server: Server; first: Promise<Socket> }> {
  const server = createServer();
  const first = new Promise<Socket>((resolve) => server.once("connection", resolve));
  server.listen(join(directory, name));
  await once(server, "listening");
  open.push(() => server.close());
  return { server, first };
}

async function play(): Promise<Stage> {
  const directory = mkdtempSync(join(tmpdir(), "isle-relay-"));
  open.push(() => rmSync(directory, { recursive: true, force: true }));
  const sockets = await Promise.all(["life", "guest", "qmp"].map((name) => listenAt(directory, name)));
  writeFileSync(join(directory, "plan"), "");
  const args = ["serve", "--dir", directory, "--keeper", String(process.pid), "--plan", "plan", "--new-netns"];
  const relay = spawn(join(dirname(isleBinary), "isle-relay"), args, {
    stdio: ["ignore", "pipe", "pipe", "pipe", "ignore"],
  });
  relay.stdout!.pause();
  open.push(() => relay.kill("SIGKILL"));
  const ended = new Promise<number | null>((resolve) => relay.once("exit", resolve));
  await once(relay.stdio[3]!, "data");
  const [life, guest, monitor] = await Promise.all(sockets.map(({ first }) => first));
  for (const socket of [life, guest, monitor]) {
    socket!.on("error", () => {});
    socket!.resume();
    open.push(() => socket!.destroy());
  }
  return { relay, guest: guest!, directory, ended };
}

const kilobytes = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);

async function askOnce(directory: string, type: FrameType, payload?: Uint8Array): Promise<Buffer> {
  const socket = connect(join(directory, "ctl"));
  socket.write(frame(type, 0, payload));
  const [answer] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  return answer;
}

test("a frame that is too large, or is none, ends the machine", async () => {
  const tooLarge = frame(frameType.output, 1);
  tooLarge.writeUInt32LE(0xffff_ffff, 0);
  const notZero = frame(frameType.output, 1);
  notZero.writeUInt16LE(7, 6);
  for (const bytes of [tooLarge, notZero, Buffer.alloc(4096, 0xff)]) {
    const { guest, ended } = await play();
    guest.write(bytes);
    expect(await ended).toBe(137);
  }
});

test("more output than was allowed ends the machine before it takes the host's memory", async () => {
  const { relay, guest, ended } = await play();
  const chunk = frame(frameType.output, 1, Buffer.alloc(60_000, "x"));
  let most = 0;
  const flood = setInterval(() => {
    most = Math.max(most, relay.exitCode === null ? kilobytes(relay.pid!) : 0);
    for (let i = 0; i < 8; i++) guest.write(chunk);
  }, 5);
  // What was queued is said to whoever reads, for a while; nobody does.
  expect(await ended).toBe(137);
  clearInterval(flood);
  expect(most).toBeLessThan(32_000);
});

test("frames for streams that nobody asked for, torn frames and silence change nothing", async () => {
  const { relay, guest, directory, ended } = await play();
  for (let stream = 2; stream < 2000; stream++) guest.write(frame(frameType.data, stream, Buffer.alloc(500)));
  for (const type of [frameType.exited, frameType.started, frameType.done, frameType.failed, frameType.credit]) {
    guest.write(frame(type, 0, u32(0xffff_ffff, 0xffff_ffff)));
    guest.write(frame(type, 1, u32(0xffff_ffff)));
    guest.write(frame(type, 77));
  }
  const torn = frame(frameType.hello, 0, u32(1));
  guest.write(torn.subarray(0, 5));
  // Its socket is served meanwhile, and a kill needs no guest that answers.
  const answer = await askOnce(directory, frameType.processes);
  expect(answer.readUInt16LE(4)).toBe(frameType.failed);
  expect(relay.exitCode).toBeNull();
  expect(kilobytes(relay.pid!)).toBeLessThan(32_000);
  await askOnce(directory, frameType.signal, u32(9));
  expect(await ended).toBe(137);
});

test("the decoders in C withstand generated streams under the sanitizers", async () => {
  const root = join(import.meta.dirname, "../..");
  const program = join(mkdtempSync(join(tmpdir(), "isle-fuzz-")), "frames");
  open.push(() => rmSync(dirname(program), { recursive: true, force: true }));
  const sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
  const sources = ["guest/fuzz/frames.c", "guest/common/frame.c"].map((file) => join(root, file));
  const built = await runCommand(["gcc", "-std=gnu17", "-g", "-O1", ...sanitize, "-o", program, ...sources], {
    timeoutMs: 110_000,
  });
  expect(built).toEqual({ exitCode: 0, stdout: "", stderr: "" });
  for (const seed of ["1", "20261126"]) {
    const { exitCode, stdout, stderr } = await runCommand([program, seed, "1500"], { timeoutMs: 110_000 });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
    expect(Number(stdout.split(" ")[0])).toBeGreaterThan(1000);
  }
});
