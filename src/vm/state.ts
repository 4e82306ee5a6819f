import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { conflict, invalid, notFound } from "../base/error.ts";
import { writeFileAtomic } from "../os/files.ts";
import { isAlive } from "../os/proc.ts";
import type { MachineShape } from "./qemu/arguments.ts";

/** What isle-vm remembers of a container between two commands. */
export interface MachineState {
  readonly id: string;
  readonly bundle: string;
  readonly ociVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly pid: number;
  readonly pidStart: number;
  readonly keeper: number;
  readonly machine: number;
  readonly cgroups: readonly string[];
  readonly memoryMiB: number;
  readonly shape: MachineShape;
  readonly kernel: string;
  readonly created: string;
  readonly started: boolean;
  readonly paused: boolean;
  /** Processes that serve the shared tree. */
  readonly helpers: readonly number[];
}

export type Status = "created" | "running" | "paused" | "stopped";

const validId = /^[A-Za-z0-9_+.-]{1,256}$/;
export const defaultRoot = "/run/isle-vm";

/** Directory of a container's state; ids that would be another path are refused. */
export function stateDirectory(root: string, id: string): string {
  if (!validId.test(id) || id === "." || id === "..") throw invalid(`invalid container id: ${id}`);
  return join(root, id);
}

/** Where a new container's state is to be; the caller makes it. */
export function newStateDirectory(root: string, id: string): string {
  const directory = stateDirectory(root, id);
  mkdirSync(root, { recursive: true, mode: 0o700 });
  if (existsSync(directory)) throw conflict(`container with id exists already: ${id}`);
  return directory;
}

export function readState(root: string, id: string): MachineState {
  try {
    return JSON.parse(readFileSync(join(stateDirectory(root, id), "state.json"), "utf8")) as MachineState;
  } catch (cause) {
    throw notFound(`container ${id} does not exist`, { cause });
  }
}

export function writeState(root: string, state: MachineState): void {
  writeFileAtomic(join(stateDirectory(root, state.id), "state.json"), JSON.stringify(state), 0o600);
}

export function statusOf({ pid, pidStart, started, paused }: MachineState): Status {
  if (!isAlive(pid, pidStart)) return "stopped";
  if (!started) return "created";
  return paused ? "paused" : "running";
}

export function removeState(root: string, id: string): void {
  rmSync(stateDirectory(root, id), { recursive: true, force: true });
}

export function listStates(root: string): MachineState[] {
  if (!existsSync(root)) return [];
  return readdirSync(root).flatMap((id) => {
    try {
      return [readState(root, id)];
    } catch {
      // Being made or being removed.
      return [];
    }
  });
}
