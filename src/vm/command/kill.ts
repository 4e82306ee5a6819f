import { conflict } from "../../base/error.ts";
import { parseSignal } from "../../base/signals.ts";
import type { CommandLine } from "../command-line.ts";
import { signalWorkload } from "../control.ts";
import { readState, statusOf } from "../state.ts";

export async function killCommand({ root, words }: CommandLine): Promise<void> {
  const [id = "", signal = "SIGTERM"] = words;
  if (statusOf(readState(root, id)) === "stopped") throw conflict("container not running");
  await signalWorkload(root, id, parseSignal(signal));
}
