import { existsSync } from "node:fs";
import { isCode } from "../../base/error.ts";
import type { CommandLine } from "../command-line.ts";
import { deleteMachine } from "../control.ts";
import { runLaterHooks } from "../hooks.ts";
import { readState, removeState, stateDirectory } from "../state.ts";

export async function deleteCommand({ root, words, options }: CommandLine): Promise<void> {
  const [id = ""] = words;
  const force = options["force"] === true;
  try {
    const state = readState(root, id);
    await deleteMachine(root, id, force);
    runLaterHooks("poststop", state);
  } catch (error) {
    if (!force || !isCode(error, "notFound")) throw error;
    // A create that was cut short left a directory without a state.
    if (existsSync(stateDirectory(root, id))) removeState(root, id);
  }
}
