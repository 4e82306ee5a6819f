import type { CommandLine } from "../command-line.ts";
import { listProcesses } from "../control.ts";

export async function psCommand({ root, words, options }: CommandLine): Promise<void> {
  const processes = await listProcesses(root, words[0] ?? "");
  if (options["format"] === "json") {
    process.stdout.write(`${JSON.stringify(processes.map(({ pid }) => pid))}\n`);
    return;
  }
  const rows = processes.map(({ pid, command }) => `${String(pid).padStart(7)} ${command}`);
  process.stdout.write(["    PID CMD", ...rows, ""].join("\n"));
}
