import { afterEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { namePort } from "../../src/core/names.ts";
import { isleBinary } from "../support/daemon.ts";
import { openNamespaces, type TestNamespaces } from "../support/namespaces.ts";

let directory: string;
let namespaces: TestNamespaces;
let activator: ChildProcess | undefined;

afterEach(async () => {
  activator?.kill("SIGKILL");
  activator = undefined;
  await namespaces.close();
  rmSync(directory, { recursive: true, force: true });
});

test("the daemon answers on the socket that it is handed, and on no other", async () => {
  await prepare();
  const socket = join(directory, "isle.sock");
  // What systemd does: a listening socket as descriptor 3, and a word about it.
  const listen =
    "import os,socket,sys; s=socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); os.dup2(s.fileno(),3); os.set_inheritable(3,True);" +
    "os.environ.update(LISTEN_FDS='1',LISTEN_PID=str(os.getpid())); os.execv(sys.argv[2],sys.argv[2:])";
  const daemon = await startUntilReady(["python3", "-c", listen, socket, isleBinary, "daemon", ...flags("fd://")]);
  expect(daemon).toContain("msg=ready");
  const { stdout } = await namespaces.run([
    isleBinary,
    "-H",
    `unix://${socket}`,
    "info",
    "--format",
    "{{.Containers}}",
  ]);
  expect(stdout.trim()).toBe("0");
  const ports = await namespaces.run(["cat", "/proc/net/tcp", "/proc/net/tcp6"]);
  // The networks' name service is no way to the daemon.
  const names = namePort.toString(16).toUpperCase();
  const listening = ports.stdout.split("\n").filter((line) => / 0A /.test(line) && !line.includes(`:${names} `));
  expect(listening).toEqual([]);
});

test("without a socket from systemd, fd:// is refused", async () => {
  await prepare();
  const { exitCode, stderr } = await namespaces.run([isleBinary, "daemon", ...flags("fd://")]);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("systemd handed over no socket");
});

async function prepare(): Promise<void> {
  directory = mkdtempSync(join(tmpdir(), "isle-activation-"));
  namespaces = await openNamespaces();
}

function flags(host: string): string[] {
  return ["--data-root", join(directory, "data"), "--exec-root", join(directory, "exec"), "-H", host];
}

async function startUntilReady(command: readonly string[]): Promise<string> {
  const [program, ...args] = namespaces.enter(command);
  const child = spawn(program!, args, { stdio: ["ignore", "ignore", "pipe"] });
  activator = child;
  let log = "";
  return new Promise((resolve, reject) => {
    child.once("exit", () => reject(new Error(`the daemon ended: ${log}`)));
    child.stderr!.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes("msg=ready")) resolve(log);
    });
  });
}
