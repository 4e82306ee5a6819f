import { conflict } from "../../base/error.ts";
import type { CommandLine } from "../command-line.ts";
import { startWorkload } from "../control.ts";
import { runLaterHooks } from "../hooks.ts";
import { readState, statusOf } from "../state.ts";

export async function startCommand({ root, words }: CommandLine): Promise<void> {
  const state = readState(root, words[0] ?? "");
  const status = statusOf(state);
  if (status !== "created") throw conflict(`cannot start a container that is ${status}`);
  await startWorkload(root, state.id);
  runLaterHooks("poststart", readState(root, state.id));
}
