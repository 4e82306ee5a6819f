import type { CommandLine } from "../command-line.ts";
import { ociState } from "../hooks.ts";
import { listStates, readState, statusOf } from "../state.ts";

export function stateCommand({ root, words }: CommandLine): void {
  const state = readState(root, words[0] ?? "");
  const full = { ...ociState(state, statusOf(state)), created: state.created };
  process.stdout.write(`${JSON.stringify(full, null, 2)}\n`);
}

export function listCommand({ root, options }: CommandLine): void {
  const states = listStates(root);
  if (options["format"] === "json") {
    process.stdout.write(`${JSON.stringify(states.map((state) => ociState(state, statusOf(state))))}\n`);
    return;
  }
  const rows = states.map((state) => [state.id, state.pid, statusOf(state), state.bundle, state.created].join("\t"));
  process.stdout.write(["ID\tPID\tSTATUS\tBUNDLE\tCREATED", ...rows, ""].join("\n"));
}
