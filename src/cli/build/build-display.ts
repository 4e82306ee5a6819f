import type { Output, Terminal } from "../io.ts";
import { type BuildEvent, BuildLog } from "./build-log.ts";
import { RawStatus } from "./raw-status.ts";
import { TreeDisplay } from "./tree-display.ts";

/** Shows a build while it runs. */
export interface BuildDisplay {
  /** `at` is when it was, in milliseconds of any clock; now without. */
  take(event: BuildEvent, at?: number): Promise<void>;
  /** The build is over, however it ended. */
  end(): Promise<void>;
}

interface Wanted {
  /** `auto`, `tty`, `plain`, `rawjson` or `quiet`; empty for auto. */
  readonly progress: string;
  readonly quiet: boolean;
}

/** The display that the user wants, on standard error. */
export function buildDisplay({ progress, quiet }: Wanted, { output, terminal, env }: Place): BuildDisplay {
  if (progress === "rawjson") return new RawStatus(output);
  if (quiet) return { take: async () => {}, end: async () => {} };
  const isTree = progress === "tty" || (progress !== "plain" && output.isTerminal);
  return isTree ? new TreeDisplay({ output, terminal, colors: !env["NO_COLOR"] }) : new BuildLog(output);
}

interface Place {
  readonly output: Output;
  readonly terminal: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
}
