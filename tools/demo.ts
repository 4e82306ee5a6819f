/**
 * Shows the main job on this machine: a private daemon with its own directories, network bridge and firewall table,
 * a busybox image from Debian's package, and containers. Everything is taken away at the end.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  createWriteStream,
  globSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { findProgram } from "../src/os/find-program.ts";

const isle = join(dirname(import.meta.dirname), "dist/isle");
const bridge = `isledemo${process.pid % 100000}`;
const forwarding = "/proc/sys/net/ipv4/ip_forward";

if (process.getuid?.() !== 0) {
  console.error("demo: namespaces and mounts need root: run it with sudo");
  process.exit(1);
}
const forwardingBefore = readFileSync(forwarding, "utf8");
const tablesBefore = nftTables();
const groupsBefore = controlGroups();
const directory = mkdtempSync("/tmp/isle-demo-");
// As /var/lib/isle is.
chmodSync(directory, 0o711);
const socket = join(directory, "isle.sock");
/** gVisor as tools/setup.sh got it, where the machine has none of its own. */
const path = `${process.env["PATH"]}:${join(dirname(import.meta.dirname), ".cache/runsc")}`;
const environment = { ...process.env, PATH: path, ISLE_HOST: `unix://${socket}`, DOCKER_HOST: `unix://${socket}` };
let daemon: ChildProcess | undefined;
let failed = false;

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void cleanUp().then(() => process.exit(130)));
try {
  daemon = await startDaemon();
  await tour();
  const docker = findProgram("docker");
  if (docker) await dockerTour();
  else say("The docker client is not installed here; it would work against the same socket.");
} catch (error) {
  failed = true;
  console.error(`\ndemo: ${error instanceof Error ? error.message : String(error)}`);
  console.error(readFileSync(join(directory, "daemon.log"), "utf8").split("\n").slice(-20).join("\n"));
} finally {
  await cleanUp();
}
console.log(
  failed ? "The demo failed." : "\nDone. The demo's daemon, containers, bridge, rules and files are gone again.",
);
process.exit(failed ? 1 : 0);

async function tour(): Promise<void> {
  say("An image, made from the package busybox-static: no registry is asked.");
  show("isle image bootstrap busybox");
  show("isle images");
  say("A first container, and what it costs to start one.");
  show("isle run --rm busybox echo hello from a container");
  show("isle run --rm busybox sh -c 'exit 7'", 7);
  show("isle run --rm busybox ps");
  measure("isle run --rm busybox true");
  isolationTour();
  buildTour();
  say("A server in the background, with a volume and a published port.");
  show("isle volume create site");
  show("isle run --rm -v site:/www busybox sh -c 'echo it works > /www/index.html'");
  show("isle run -d --name web --memory 64m -v site:/www:ro -p 127.0.0.1::80 busybox httpd -fv -h /www");
  show("isle ps");
  await request(show("isle port web 80").trim());
  show("isle exec web cat /www/index.html");
  measure("isle exec web true");
  show("isle logs web");
  show("isle stats --no-stream web");
  show("isle restart -t 1 web");
  await request(show("isle port web 80").trim());
  show("isle inspect --format '{{.State.Status}} {{.RestartCount}}' web");
}

/** The same image by each isolation that this machine can start: time, memory on the host, and whose kernel answers. */
function isolationTour(): void {
  say("The same image behind walls of different height: isolation is a flag.");
  const { Runtimes } = JSON.parse(runLine("isle info --format '{{json .}}'").stdout) as { Runtimes: object };
  const known = { container: "crun", sandbox: "gvisor", microvm: "isle-vm" };
  for (const [isolation, runtime] of Object.entries(known)) {
    if (!(runtime in Runtimes) && isolation !== "container") {
      console.log(`  ${isolation}: not on this machine, see isle doctor`);
      continue;
    }
    const kernel = show(`isle run --rm --isolation ${isolation} busybox uname -r`).trim();
    measure(`isle run --rm --isolation ${isolation} busybox true`);
    show(`isle run -d --name idle --isolation ${isolation} busybox sleep 1000 >/dev/null`);
    const memory = runLine("isle stats --no-stream --format '{{.MemUsage}}' idle").stdout.split(" ")[0];
    console.log(`  ${isolation}: kernel ${kernel}, ${memory} of memory for one that sleeps`);
    show("isle rm -f idle >/dev/null");
  }
}

/** An image from a Dockerfile, twice: the second time every step is known. */
function buildTour(): void {
  say("An image built from a Dockerfile, and built again.");
  writeFileSync(join(directory, "Dockerfile"), 'FROM busybox\nRUN echo built by isle > /made\nCMD ["cat", "/made"]\n');
  show(`isle build -q -t made - < ${directory}/Dockerfile >/dev/null`);
  show("isle run --rm made");
  measure(`isle build -q -t made - < ${directory}/Dockerfile`);
}

async function dockerTour(): Promise<void> {
  say("Docker's own client, against the same socket.");
  show("docker version --format '{{.Server.Version}} {{(index .Server.Components 0).Name}}'");
  show("docker ps --format 'table {{.Names}}\\t{{.Image}}\\t{{.Status}}'");
  show("docker run --rm -i busybox sh -c 'echo started by docker; hostname -i'");
  show("docker exec web wget -qO- http://127.0.0.1/");
}

function say(text: string): void {
  console.log(`\n# ${text}`);
}

/** Runs a line of shell as a user would, shows it with its output, and returns that. */
function show(line: string, expected = 0): string {
  console.log(`$ ${line}`);
  const { status, stdout, stderr } = runLine(line);
  process.stdout.write(stdout + stderr);
  if (status !== expected) throw new Error(`"${line}" ended with ${status}, not ${expected}`);
  if (expected !== 0) console.log(`(exit code ${status})`);
  return stdout;
}

function measure(line: string): void {
  const times = Array.from({ length: 9 }, () => {
    const begin = performance.now();
    if (runLine(line).status !== 0) throw new Error(`"${line}" failed`);
    return performance.now() - begin;
  });
  const median = times.sort((a, b) => a - b)[4]!;
  console.log(`$ ${line}        # 9 times, whole command: ${median.toFixed(0)} ms in the middle`);
}

function runLine(line: string) {
  const script = `isle() { '${isle}' "$@"; }\n${line}`;
  return spawnSync("sh", ["-c", script], { env: environment, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** A real HTTP request from this process to the published port. */
async function request(address: string): Promise<void> {
  console.log(`$ curl http://${address}/`);
  for (let tries = 1; ; tries++) {
    const answer = await fetch(`http://${address}/`).then(
      (response) => response.text(),
      (error: unknown) => error,
    );
    if (typeof answer === "string") return void process.stdout.write(answer);
    if (tries === 50) throw new Error(`no answer from ${address}: ${String(answer)}`);
    await setTimeout(100);
  }
}

async function startDaemon(): Promise<ChildProcess> {
  const flags = ["--data-root", join(directory, "data"), "--exec-root", join(directory, "exec"), "--bridge", bridge];
  writeFileSync(join(directory, "daemon.json"), "{}");
  const config = ["--config-file", join(directory, "daemon.json")];
  console.log(`$ isle daemon --data-root ${directory}/data --exec-root ${directory}/exec -H unix://${socket} &`);
  const begin = performance.now();
  const child = spawn(isle, ["daemon", ...flags, ...config, "-H", `unix://${socket}`], {
    stdio: ["ignore", "ignore", "pipe"],
    env: environment,
  });
  const log = createWriteStream(join(directory, "daemon.log"));
  child.stderr!.pipe(log);
  await new Promise<void>((resolve, reject) => {
    let text = "";
    child.once("exit", (code) => reject(new Error(`the daemon ended with ${code}: ${text}`)));
    child.stderr!.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("msg=ready")) resolve();
    });
  });
  console.log(`(ready after ${(performance.now() - begin).toFixed(0)} ms)`);
  return child;
}

/** Containers first, by the engine's own means; then what a stopped daemon leaves for its next start. */
async function cleanUp(): Promise<void> {
  if (daemon && daemon.exitCode === null) {
    runLine("isle rm -fv $(isle ps -aq); isle volume rm site");
    const ended = once(daemon, "exit");
    daemon.kill("SIGTERM");
    await Promise.race([ended, setTimeout(10_000, undefined, { ref: false })]);
    if (daemon.exitCode === null) daemon.kill("SIGKILL");
  }
  spawnSync("ip", ["link", "delete", bridge], { stdio: "ignore" });
  for (const table of nftTables()) {
    if (!tablesBefore.includes(table)) spawnSync("nft", ["delete", "table", ...table.split(" ").slice(1)]);
  }
  writeFileSync(forwarding, forwardingBefore);
  unmountBelow();
  removeControlGroups();
  rmSync(directory, { recursive: true, force: true });
}

/** Tables of isle engines, such as `table inet isle_0a1b2c3d`. */
function nftTables(): string[] {
  const { stdout } = spawnSync("nft", ["list", "tables"], { encoding: "utf8" });
  return (stdout ?? "").split("\n").filter((line) => /^table inet isle/.test(line));
}

function unmountBelow(): void {
  const targets = readFileSync("/proc/mounts", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "");
  for (const target of targets.reverse()) {
    if (target.startsWith(`${directory}/`)) spawnSync("umount", ["-l", target], { stdio: "ignore" });
  }
}

/** The parent group of all containers, unless it was there before. */
function removeControlGroups(): void {
  for (const group of controlGroups()) {
    if (groupsBefore.includes(group)) continue;
    try {
      rmdirSync(group);
    } catch {
      // Another engine has containers in it by now.
    }
  }
}

function controlGroups(): string[] {
  return globSync(["/sys/fs/cgroup/isle", "/sys/fs/cgroup/*/isle"]);
}
