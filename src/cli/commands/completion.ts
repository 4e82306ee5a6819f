import { command } from "../command.ts";
import { completionScripts } from "../completion/scripts.ts";
import { usageError } from "../exit.ts";

export const completion = command({
  summary: "Print a script that completes commands for bash, zsh or fish",
  usage: "bash|zsh|fish",
  args: { min: 1, max: 1 },
  flags: {},
  examples: [
    ["isle completion bash > /etc/bash_completion.d/isle", "For every bash of this machine"],
    ["isle completion fish > ~/.config/fish/completions/isle.fish", "For your fish"],
  ],
  async run({ args, io }) {
    const shell = args[0]!;
    const script = Object.hasOwn(completionScripts, shell) ? completionScripts[shell] : undefined;
    if (script === undefined) throw usageError(`no completion for "${shell}": there is bash, zsh and fish`);
    await io.stdout.write(script);
    return undefined;
  },
});
