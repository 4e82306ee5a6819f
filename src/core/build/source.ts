import { IsleError } from "../../base/error.ts";

/** Lines of a Dockerfile, counted from 1. */
export interface Lines {
  readonly first: number;
  readonly last: number;
}

/** A Dockerfile's text with the name that errors give it. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

/** A fault of a Dockerfile, told with its place and the lines around it. */
export function sourceError({ name, text }: Source, lines: Lines, why: string): IsleError {
  const problem = `dockerfile parse error on line ${lines.first}: ${why}`;
  const shown = excerptOf(text, lines).map((line) => line.trimEnd());
  return new IsleError("invalid", [problem, `${name}:${lines.first}`, ruler, ...shown, ruler].join("\n"));
}

/** What stands above and below an excerpt. */
export const ruler = "-".repeat(20);

/** Lines with their numbers and some around them: two on each side of a line alone, one of several. */
export function excerptOf(text: string, { first, last }: Lines): string[] {
  const lines = text.split(/\r?\n/);
  const around = first === last ? 2 : 1;
  const from = Math.max(1, first - around);
  return lines.slice(from - 1, last + around).map((line, index) => {
    const number = from + index;
    const mark = number >= first && number <= last ? ">>>" : "   ";
    return `${String(number).padStart(4)} | ${mark} ${line}`;
  });
}
