import { parseReference } from "../../../base/reference.ts";
import { type Dockerfile, findStage } from "../dockerfile.ts";
import { expandWord, type Variables } from "../expand.ts";
import type { InstructionOf } from "../instruction.ts";
import type { Findings } from "./findings.ts";
import { Seen } from "./seen.ts";
import { suggestion } from "./suggest.ts";

/** What FROM lines make of the arguments before them; `globals` have the values of this build. */
export function lintBases(dockerfile: Dockerfile, globals: Variables, facts: BaseFacts): void {
  lintDefaults(dockerfile, facts);
  const declared = new Set(dockerfile.globalArgs.flatMap(({ args }) => args.map(({ name }) => name)));
  const known = new Map([...facts.platform, ...globals]);
  for (const { from } of dockerfile.stages) {
    const seen = new Seen(known);
    for (const text of [from.image, from.platform ?? ""]) expandQuietly(text, seen, dockerfile.escapeChar);
    for (const name of [...seen.missing].filter((each) => !declared.has(each))) {
      const near = suggestion(name, [...known.keys()]);
      const hint = near === undefined ? "" : ` (did you mean ${near}?)`;
      facts.findings.add("UndefinedArgInFrom", from.lines, `FROM argument '${name}' is not declared${hint}`);
    }
    lintPlatform(from, facts.findings);
  }
}

function lintDefaults(dockerfile: Dockerfile, { findings, platform }: BaseFacts): void {
  const { stages, escapeChar } = dockerfile;
  const defaults = defaultsOf(dockerfile, platform);
  for (const { index, from } of stages) {
    if (isImage(expandQuietly(from.image, defaults, escapeChar)) || findStage(stages, from.image, index)) continue;
    const detail = `Default value for ARG ${from.image} results in empty or invalid base image name`;
    findings.add("InvalidDefaultArgInFrom", from.lines, detail);
  }
}

interface BaseFacts {
  readonly findings: Findings;
  readonly platform: Variables;
}

function defaultsOf({ globalArgs, escapeChar }: Dockerfile, platform: Variables): Variables {
  const defaults = new Map(platform);
  for (const { name, value } of globalArgs.flatMap(({ args }) => args)) {
    if (value !== undefined) defaults.set(name, expandQuietly(value, defaults, escapeChar));
  }
  return defaults;
}

/** What cannot be expanded is told by the build itself. */
function expandQuietly(text: string, variables: Variables, escapeChar: string): string {
  try {
    return expandWord(text, variables, { escapeChar });
  } catch {
    return "";
  }
}

function isImage(name: string): boolean {
  if (name === "scratch") return true;
  try {
    parseReference(name);
    return true;
  } catch {
    return false;
  }
}

function lintPlatform({ platform, name, lines }: InstructionOf<"from">, findings: Findings): void {
  if (platform === undefined) return;
  if (/^\$(?:TARGETPLATFORM|\{TARGETPLATFORM\})$/.test(platform)) {
    const detail = `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`;
    findings.add("RedundantTargetPlatform", lines, detail);
  } else if (!platform.includes("$")) {
    // A stage that is called after its platform is for that alone.
    if (platform.split("/").some((part) => name?.includes(part))) return;
    const detail = `FROM --platform flag should not use constant value "${platform}"`;
    findings.add("FromPlatformFlagConstDisallowed", lines, detail);
  }
}
