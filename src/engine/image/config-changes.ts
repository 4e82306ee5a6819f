import { invalid, messageOf } from "../../base/error.ts";
import { parseDockerfile } from "../../core/build/dockerfile.ts";
import { applyToConfig, joinDirectory } from "../../core/build/image-config.ts";
import type { Instruction } from "../../core/build/instruction.ts";
import type { ImageRunConfig } from "../../core/image.ts";

const taken = "CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD SHELL STOPSIGNAL USER VOLUME WORKDIR".split(" ");

/**
 * The config with the Dockerfile instructions of `commit --change` and `import --change` applied in order. An instruction
 * that cannot be used here fails with invalid.
 */
export function applyChanges(config: ImageRunConfig, changes: readonly string[]): ImageRunConfig {
  const text = changes.join("\n");
  if (text.trim() === "") return config;
  const { stages, escapeChar } = parseDockerfile({ name: "changes", text: `FROM scratch\n${text}` });
  const options = { escapeChar };
  return stages
    .flatMap(({ index, from, instructions }) => (index === 0 ? instructions : [from, ...instructions]))
    .reduce((run, instruction) => applyChange(run, instruction, options), config);
}

function applyChange(run: ImageRunConfig, instruction: Instruction, options: { escapeChar: string }): ImageRunConfig {
  const word = instruction.written.split(/\s/, 1)[0]!;
  if (!taken.includes(word)) throw invalid(`${word} is not a valid change command`);
  if (instruction.kind === "workdir") {
    return { ...run, WorkingDir: joinDirectory(run.WorkingDir ?? "/", instruction.text) };
  }
  const variables = new Map((run.Env ?? []).map((entry) => split(entry)));
  try {
    const changed = applyToConfig({ run, hasOwnCommand: true, author: undefined }, instruction, { variables, options });
    const { ArgsEscaped: _, ...kept } = changed?.run ?? run;
    return kept;
  } catch (error) {
    throw invalid(messageOf(error), { cause: error });
  }
}

const split = (entry: string): [string, string] => {
  const at = entry.indexOf("=");
  return [entry.slice(0, at), entry.slice(at + 1)];
};
