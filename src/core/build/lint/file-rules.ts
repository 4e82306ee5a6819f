import type { Dockerfile } from "../dockerfile.ts";
import type { Instruction, InstructionOf } from "../instruction.ts";
import type { Findings } from "./findings.ts";

/** What can be said of a Dockerfile's text, whatever is built of it. */
export function lintFile(dockerfile: Dockerfile, findings: Findings): void {
  const all = instructionsOf(dockerfile);
  for (const { raw } of all) {
    if (!raw.emptyContinuation) continue;
    const last = { first: raw.textEnd, last: raw.textEnd };
    findings.add("NoEmptyContinuation", last, "Empty continuation line");
  }
  for (const instruction of all) {
    if (instruction.kind === "from") lintFrom(instruction, findings);
    if (instruction.kind === "maintainer") {
      const detail = "Maintainer instruction is deprecated in favor of using label";
      findings.add("MaintainerDeprecated", instruction.lines, detail);
    }
    lintDescription(instruction, findings);
  }
  lintCasing(all, findings);
  lintNames(dockerfile, findings);
}

/** In the file's order. */
const instructionsOf = ({ globalArgs, stages }: Dockerfile): Instruction[] =>
  [...globalArgs, ...stages.flatMap(({ from, instructions }) => [from, ...instructions])].sort(
    (a, b) => a.lines.first - b.lines.first,
  );

const isLower = (text: string): boolean => text === text.toLowerCase();
const isUpper = (text: string): boolean => text === text.toUpperCase();

const reserved: ReadonlySet<string> = new Set(["scratch", "context"]);

function lintFrom({ raw, lines }: InstructionOf<"from">, findings: Findings): void {
  const [, as = "", name = ""] = /\s(as)\s+(\S+)$/i.exec(raw.rest) ?? [];
  if (name === "") return;
  if (!isLower(name)) findings.add("StageNameCasing", lines, `Stage name '${name}' should be lowercase`);
  const isSame = (isLower(raw.typed) && isLower(as)) || (isUpper(raw.typed) && isUpper(as));
  const isPlain = isLower(raw.typed) || isUpper(raw.typed);
  if (isPlain && !isSame) {
    findings.add("FromAsCasing", lines, `'${as}' and '${raw.typed}' keywords' casing do not match`);
  }
  if (reserved.has(name.toLowerCase())) {
    const detail = `Stage name should not use the same name as reserved stage "${name.toLowerCase()}"`;
    findings.add("ReservedStageName", lines, detail);
  }
}

/** By the majority; with as many on both sides, upper case. */
function lintCasing(all: readonly Instruction[], findings: Findings): void {
  const typed = all.map(({ raw }) => raw.typed);
  const lower = typed.filter(isLower).length > typed.filter(isUpper).length;
  for (const { raw, lines } of all) {
    if (lower ? isLower(raw.typed) : isUpper(raw.typed)) continue;
    const majority = lower ? "lowercase" : "uppercase";
    const detail = `Command '${raw.typed}' should match the case of the command majority (${majority})`;
    findings.add("ConsistentInstructionCasing", lines, detail);
  }
}

function lintNames({ stages }: Dockerfile, findings: Findings): void {
  const seen = new Set<string>();
  for (const { name, from } of stages) {
    if (name === undefined) continue;
    if (seen.has(name)) {
      findings.add("DuplicateStageName", from.lines, `Duplicate stage name "${name}", stage names should be unique`);
    }
    seen.add(name);
  }
}

function lintDescription(instruction: Instruction, findings: Findings): void {
  const names = namesOf(instruction);
  const comment = instruction.raw.comments.at(-1);
  if (names.length === 0 || comment === undefined || names.includes(comment.split(/\s/, 1)[0]!)) return;
  const detail = `Comment for ${instruction.raw.keyword} should follow the format: \`# ${names[0]} <description>\``;
  findings.add("InvalidDefinitionDescription", instruction.lines, detail);
}

function namesOf(instruction: Instruction): string[] {
  if (instruction.kind === "arg") return instruction.args.map(({ name }) => name);
  return instruction.kind === "from" && instruction.name !== undefined ? [instruction.name] : [];
}
