import type { Output } from "../io.ts";
import { type BuildEvent, BuildLog } from "./build-log.ts";

/** Shows a build while it runs. */
export interface BuildDisplay {
  /** `at` is when it was, in milliseconds of any clock; now without. */
  take(event: BuildEvent, at?: number): Promise<void>;
  /** The build is over, however it ended. */
  end(): Promise<void>;
}

interface Wanted {
  /** `auto`, `plain`, `rawjson` or `quiet`; empty for auto. */
  readonly progress: string;
  readonly quiet: boolean;
}

/** The display that the user wants, on standard error. */
export function buildDisplay({ progress, quiet }: Wanted, output: Output): BuildDisplay {
  if (progress === "rawjson") {
    return { take: (event) => output.write(`${JSON.stringify(event)}\n`), end: async () => {} };
  }
  if (quiet) return { take: async () => {}, end: async () => {} };
  return new BuildLog(output);
}
