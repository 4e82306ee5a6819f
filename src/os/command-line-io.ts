import { dial } from "./dial.ts";
import { findProgram } from "./find-program.ts";
import { StandardInput, StandardOutput } from "./standard-streams.ts";
import { hideInput, makeRaw, onTerminalResize, terminalSize } from "./terminal.ts";

/** This process's streams, terminal and signals, as the command line is given them. */
export function commandLineIo() {
  return {
    stdin: new StandardInput(),
    stdout: new StandardOutput(1),
    stderr: new StandardOutput(2),
    env: process.env,
    dial,
    terminal: {
      size: () => terminalSize(1) ?? terminalSize(0),
      makeRaw: () => makeRaw(0),
      hideInput: () => hideInput(0),
      onResize: onTerminalResize,
    },
    onSignal: (name: string, listener: () => void) => {
      process.on(name, listener);
      return () => void process.off(name, listener);
    },
    findProgram,
    become: async (program: string, args: readonly string[], more: Readonly<Record<string, string>>) => {
      const { execProgram } = await import("./exec-program.ts");
      return execProgram(program, [program, ...args], { ...process.env, ...more });
    },
    runProgram: async (program: string, args: readonly string[], input: string) => {
      const { run } = await import("./process.ts");
      return run(program, args, { input });
    },
  };
}
