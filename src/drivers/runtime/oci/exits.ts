import { type FSWatcher, mkdirSync, readdirSync, readFileSync, rmSync, watch } from "node:fs";
import { join } from "node:path";
import type { ExitWatch } from "../../../core/runtime.ts";

/** Watches the directory in which conmon leaves a file with the exit code for each workload that ended. */
export function watchExits(directory: string): ExitWatch {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const listeners: Array<(id: string, exitCode: number) => void> = [];
  const told = new Set<string>();
  const read = (id: string): number | undefined => readExit(join(directory, id));
  const look = (id: string): void => {
    const exitCode = told.has(id) ? undefined : read(id);
    if (exitCode === undefined) return;
    told.add(id);
    for (const listener of listeners) listener(id, exitCode);
  };
  const watcher: FSWatcher = watch(directory, (_, name) => {
    // An event without a name says only that something changed: look at all.
    for (const id of name ? [String(name)] : readdirSync(directory)) look(id);
  });
  return {
    onExit: (listener) => void listeners.push(listener),
    read,
    forget(id) {
      told.delete(id);
      rmSync(join(directory, id), { force: true });
    },
    close: () => watcher.close(),
  };
}

/** conmon writes a temporary file and renames it, so a file that parses is whole. */
function readExit(path: string): number | undefined {
  try {
    const text = readFileSync(path, "utf8").trim();
    return /^\d+$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined;
  }
}
