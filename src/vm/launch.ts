import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { IsleError } from "../base/error.ts";
import { readTextIfPresent } from "../os/files.ts";
import { findProgram } from "../os/find-program.ts";
import { run } from "../os/process.ts";
import type { GuestKernel } from "./kernel/kernels.ts";
import { findPart, machineFiles } from "./places.ts";
import { descriptors, type MachineShape, type MachineStart, qemuArguments, tapDescriptors } from "./qemu/arguments.ts";

/** Where QEMU's parts come from: everything is opened by the keeper, and QEMU itself opens no path. */
export interface MachineFilesWanted {
  readonly kernel: GuestKernel;
  readonly image: string;
  readonly disk: string;
  readonly memory?: string;
  readonly state?: string;
}

export interface Launch {
  /** The state directory of the virtual machine. */
  readonly directory: string;
  readonly shape: MachineShape;
  readonly start: MachineStart;
  readonly files: MachineFilesWanted;
  readonly cgroups: readonly string[];
  readonly user: number;
}

export interface Launched {
  readonly keeper: number;
  readonly machine: number;
}

/** Starts QEMU under a keeper, which ends it when nobody is connected to it any more. */
export async function launchMachine(launch: Launch): Promise<Launched> {
  const { directory, shape, start } = launch;
  mkdirSync(join(directory, machineFiles.outbox), { mode: 0o711 });
  const command = [...keeperArguments(launch), "--", qemuProgram(), ...qemuArguments(shape, start)];
  const { exitCode, stdout, stderr } = await run(findPart("isle-relay"), ["keep", ...command]);
  if (exitCode !== 0) throw new IsleError("internal", `cannot start a virtual machine: ${stderr.trim()}`);
  const [keeper = 0, machine = 0] = stdout.trim().split(" ").map(Number);
  return { keeper, machine };
}

function keeperArguments(launch: Launch): string[] {
  const { directory, shape, start, files, cgroups, user } = launch;
  const file = (number: number, mode: "ro" | "rw" | MemoryMode, path: string | undefined): string[] =>
    path === undefined ? [] : ["--file", String(number), mode, path];
  return [
    ...["--dir", directory, "--user", String(user), ...(shape.acceleration === "kvm" ? ["--kvm"] : [])],
    ...["--writable", join(directory, machineFiles.outbox)],
    ...cgroups.flatMap((group) => ["--group", group]),
    ...["--socket", String(descriptors.guest), machineFiles.guest],
    ...["--socket", String(descriptors.monitor), machineFiles.monitor],
    ...file(descriptors.kernel, "ro", start.kind === "restore" ? files.kernel.stub : files.kernel.image),
    ...file(descriptors.initrd, "ro", start.kind === "restore" ? undefined : files.kernel.initrd),
    ...file(descriptors.image, "ro", files.image),
    ...file(descriptors.disk, "rw", files.disk),
    // What its server of directories is to see cannot be shared with other machines.
    ...file(descriptors.memory, memoryMode(launch), files.memory),
    ...file(descriptors.state, "ro", files.state),
    ...(shape.shared ? ["--connect", String(descriptors.shares), machineFiles.shares] : []),
    // Last: it changes the network namespace.
    ...tapDescriptors(shape).flatMap((number) => ["--tap", String(number)]),
  ];
}

/** `copy`: its own; `mapped`: as others have it mapped too, who must not see what it does to it. */
type MemoryMode = "rw" | "copy" | "mapped";

function memoryMode({ shape, start }: Launch): MemoryMode {
  if (start.kind !== "restore") return "rw";
  return shape.shared ? "copy" : "mapped";
}

const programs: Readonly<Record<string, string>> = { x64: "qemu-system-x86_64", arm64: "qemu-system-aarch64" };

export function qemuProgram(): string {
  const name = programs[process.arch] ?? "qemu-system-x86_64";
  const path = findProgram(name);
  if (path) return path;
  throw new IsleError("unavailable", `${name} is not installed`, { hint: "apt-get install qemu-system-x86" });
}

export interface RelayWish {
  readonly directory: string;
  readonly keeper: number;
  readonly netns: string | "new" | undefined;
  readonly terminal: boolean;
  readonly consoleSocket: string | undefined;
  readonly ephemeral: boolean;
  readonly user: number;
  readonly cgroups: readonly string[];
}

/** Starts the process that stands for the workload, on this process's standard streams; returns its pid once it listens. */
export function startRelay(wish: RelayWish): Promise<number> {
  const log = openSync(join(wish.directory, machineFiles.relayLog), "w", 0o600);
  const child = spawn(findPart("isle-relay"), relayArguments(wish), {
    stdio: ["inherit", "inherit", "inherit", "pipe", log],
    detached: true,
  });
  closeSync(log);
  const ready = child.stdio[3] as Readable;
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    ready.once("data", () => {
      ready.destroy();
      child.unref();
      resolve(child.pid!);
    });
    child.once("exit", () => {
      reject(new IsleError("internal", "the virtual machine did not start"));
    });
  });
}

/** Why a machine is not there any more: what QEMU and the relay said, when they said something. */
export function explained(directory: string, cause: unknown): unknown {
  const logs = [machineFiles.log, machineFiles.relayLog].map((name) =>
    readTextIfPresent(join(directory, name))?.trim(),
  );
  const said = logs.filter(Boolean).join("; ");
  if (!said) return cause;
  const advice = /cannot allocate memory/i.test(said) ? " (give it less memory, or end others)" : "";
  return new IsleError("internal", `the virtual machine ended: ${said}${advice}`, { cause });
}

function relayArguments(wish: RelayWish): string[] {
  const value = (name: string, given: string | undefined): string[] => (given === undefined ? [] : [name, given]);
  return [
    ...["serve", "--dir", wish.directory, "--keeper", String(wish.keeper), "--plan", machineFiles.plan],
    ...(wish.netns === "new" ? ["--new-netns"] : value("--netns", wish.netns)),
    ...(wish.terminal ? ["--terminal"] : []),
    ...value("--console", wish.consoleSocket),
    ...(wish.ephemeral ? ["--ephemeral"] : []),
    ...["--user", String(wish.user)],
    ...wish.cgroups.flatMap((group) => ["--group", group]),
  ];
}
