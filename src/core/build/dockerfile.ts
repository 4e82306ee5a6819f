import type { IsleError } from "../../base/error.ts";
import { messageOf } from "../../base/error.ts";
import type { Instruction, InstructionOf } from "./instruction.ts";
import { type LogicalLine, logicalLines } from "./logical-lines.ts";
import { parseInstruction } from "./parse-instruction.ts";
import { type Lines, type Source, sourceError } from "./source.ts";

export interface Dockerfile {
  readonly source: Source;
  readonly directives: Readonly<Record<string, string>>;
  readonly escapeChar: string;
  /** ARGs before the first FROM: they hold for FROM lines, and for stages that name them again. */
  readonly globalArgs: ReadonlyArray<InstructionOf<"arg">>;
  readonly stages: readonly Stage[];
}

export interface Stage {
  readonly index: number;
  readonly name: string | undefined;
  readonly from: InstructionOf<"from">;
  readonly instructions: readonly Instruction[];
}

/** Parses a whole Dockerfile. Fails with invalid, naming the line and showing it. */
export function parseDockerfile(source: Source): Dockerfile {
  const { directives, escapeChar, lines } = logicalLines(source);
  const instructions = lines.map((line) => parseLine(source, line, escapeChar));
  const globalArgs: Array<InstructionOf<"arg">> = [];
  const stages: Array<Stage & { instructions: Instruction[] }> = [];
  for (const instruction of instructions) {
    const stage = stages.at(-1);
    if (instruction.kind === "from") {
      stages.push({ index: stages.length, name: instruction.name, from: instruction, instructions: [] });
    } else if (stage) stage.instructions.push(instruction);
    else if (instruction.kind === "arg") globalArgs.push(instruction);
    else throw sourceError(source, instruction.lines, "no build stage in current context");
  }
  if (stages.length === 0) {
    const why = instructions.length === 0 ? "file with no instructions" : "no build stage in current context";
    throw sourceError(source, instructions[0]?.lines ?? { first: 1, last: 1 }, why);
  }
  return { source, directives, escapeChar, globalArgs, stages };
}

function parseLine(source: Source, line: LogicalLine, escapeChar: string): Instruction {
  const lines: Lines = { first: line.first, last: line.last };
  const written = `${line.keyword} ${line.rest}`.trim();
  return atLines(source, lines, () => ({ ...parseInstruction(line, escapeChar), lines, written, raw: line }));
}

/** Names the place in what goes wrong in the work. */
export function atLines<T>(source: Source, lines: Lines, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if ((error as IsleError).code !== undefined && messageOf(error).startsWith("dockerfile parse error")) throw error;
    throw sourceError(source, lines, messageOf(error));
  }
}

/** The stage that a name or a number means, among those before `before`. */
export function findStage(stages: readonly Stage[], text: string, before = stages.length): Stage | undefined {
  const earlier = stages.slice(0, before);
  const named = earlier.findLast(({ name }) => name === text.toLowerCase());
  return named ?? (/^\d+$/.test(text) ? earlier[Number(text)] : undefined);
}
