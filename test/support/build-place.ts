import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeContext } from "./context-files.ts";
import { startDaemon, type TestDaemon } from "./daemon.ts";
import type { CommandResult } from "./namespaces.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";

/** A daemon with a registry beside it, a context to build from, and a directory for what comes out. */
export interface BuildPlace {
  readonly daemon: TestDaemon;
  readonly registry: TestRegistry;
  readonly context: string;
  readonly out: string;
  /** Files of the context. */
  write(files: Readonly<Record<string, string>>): void;
  /** `isle build` of the context. */
  run(...flags: string[]): Promise<CommandResult>;
  shell(script: string): Promise<CommandResult>;
  /** Takes context and output away. */
  clear(): void;
  close(): Promise<void>;
}

export async function openBuildPlace(): Promise<BuildPlace> {
  const daemon = await startDaemon();
  const registry = await startRegistry({ enter: daemon.enter });
  const [context, out] = [join(daemon.directory, "context"), join(daemon.directory, "out")];
  return {
    daemon,
    registry,
    context,
    out,
    write(files) {
      mkdirSync(out, { recursive: true });
      writeContext(context, files);
    },
    run: (...flags) => daemon.cli(["build", ...flags, context], { timeoutMs: 60_000 }),
    shell: (script) => daemon.inNamespaces(["sh", "-ec", script]),
    clear() {
      for (const path of [context, out]) rmSync(path, { recursive: true, force: true });
    },
    async close() {
      await registry.close();
      await daemon.stop();
    },
  };
}
