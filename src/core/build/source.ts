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
export function sourceError({ name, text }: Source, { first, last }: Lines, why: string): IsleError {
  const lines = text.split(/\r?\n/);
  const from = Math.max(1, first - 2);
  const to = Math.min(lines.length, last + 2);
  const excerpt = Array.from({ length: to - from + 1 }, (_, index) => {
    const number = from + index;
    const mark = number >= first && number <= last ? ">>>" : "   ";
    return `${String(number).padStart(4)} | ${mark} ${lines[number - 1] ?? ""}`.trimEnd();
  });
  const rule = "--------------------";
  const problem = `dockerfile parse error on line ${first}: ${why}`;
  return new IsleError("invalid", [problem, `${name}:${first}`, rule, ...excerpt, rule].join("\n"));
}
