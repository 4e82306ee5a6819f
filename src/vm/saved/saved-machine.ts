import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { IsleError } from "../../base/error.ts";
import { writeFileAtomic } from "../../os/files.ts";
import type { MachineShape } from "../qemu/arguments.ts";
import { machineKey } from "../template/key.ts";
import type { SavedFiles } from "./save-machine.ts";

/** What is known of a saved machine beside its files. */
export interface SavedManifest {
  readonly key: string;
  readonly shape: MachineShape;
  readonly kernel: string;
  readonly stateBytes: number;
  /** When its disk was last written, in nanoseconds: the memory fits only to that. Empty where the disk is a copy. */
  readonly diskWritten: string;
}

export const savedFiles = (directory: string): SavedFiles => ({
  memory: join(directory, "memory"),
  state: join(directory, "state"),
});

const manifestFile = (directory: string): string => join(directory, "manifest.json");

/** Seals the files of a directory: from here on it counts as a saved machine. */
export function sealSaved(directory: string, facts: Omit<SavedManifest, "key" | "stateBytes">): void {
  const manifest: SavedManifest = {
    ...facts,
    key: machineKey(facts.shape, { name: facts.kernel }),
    stateBytes: statSync(savedFiles(directory).state).size,
  };
  writeFileAtomic(manifestFile(directory), JSON.stringify(manifest), 0o600);
}

/** Gives the whole of a saved machine its name in one step that survives a loss of power. */
export function placeSaved(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  syncDirectory(from);
  renameSync(from, to);
  syncDirectory(dirname(to));
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

export const diskWritten = (disk: string): string => String(statSync(disk, { bigint: true }).mtimeNs);

/** Reads a saved machine, and refuses one that this host cannot let go on, saying why. */
export function openSaved(directory: string, disk: string): SavedManifest & SavedFiles {
  const files = savedFiles(directory);
  if (!existsSync(manifestFile(directory))) throw damaged("it is not there");
  const manifest = JSON.parse(readFileSync(manifestFile(directory), "utf8")) as SavedManifest;
  const isWhole =
    existsSync(files.memory) &&
    statSync(files.memory).size === manifest.shape.memoryMiB * 2 ** 20 &&
    existsSync(files.state) &&
    statSync(files.state).size === manifest.stateBytes;
  if (!isWhole) throw damaged("a part of it is missing");
  if (manifest.diskWritten !== "" && manifest.diskWritten !== diskWritten(disk)) {
    throw damaged("its disk was written since");
  }
  if (manifest.key !== machineKey(manifest.shape, { name: manifest.kernel })) {
    throw damaged("it needs the QEMU and the kernel that it was saved with, and they were replaced");
  }
  return { ...manifest, ...files };
}

const damaged = (why: string) =>
  new IsleError("conflict", `the saved state of the microVM cannot be used: ${why}`, {
    hint: "kill it and start it anew: what is on its disk is kept",
  });
