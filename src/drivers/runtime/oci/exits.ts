import { existsSync, type FSWatcher, mkdirSync, readdirSync, readFileSync, rmSync, watch } from "node:fs";
import { join } from "node:path";
import type { ExitWatch } from "../../../core/runtime.ts";

const secondLookMs = 5;

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
  const lookAtAll = () => {
    if (existsSync(directory)) readdirSync(directory).forEach(look);
  };
  let secondLook: ReturnType<typeof setTimeout> | undefined;
  const watchDirectory = (): FSWatcher =>
    watch(directory, (_, name) => {
      if (name) look(String(name));
      // The runtime drops an event that comes too soon after one like it, so all is looked at again a little later.
      secondLook ??= setTimeout(() => {
        secondLook = undefined;
        lookAtAll();
      }, secondLookMs);
    });
  let watcher = watchDirectory();
  const repair = () => {
    watcher.close();
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    watcher = watchDirectory();
  };
  return {
    onExit: (listener) => void listeners.push(listener),
    tell(id, exitCode) {
      for (const listener of listeners) listener(id, exitCode);
    },
    read,
    forget(id) {
      if (!existsSync(directory)) repair();
      told.delete(id);
      rmSync(join(directory, id), { force: true });
    },
    close() {
      clearTimeout(secondLook);
      watcher.close();
    },
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
