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

/** Lines of a Dockerfile that something went wrong at. */
export interface Place {
  readonly source: Source;
  readonly lines: Lines;
  /** What went wrong, without the lines; undefined where the error's own message is without them. */
  readonly problem?: string;
}

const places = new WeakMap<object, Place>();

/** Remembers where an error comes from, for those that show the lines themselves. */
export function notePlace(error: Error, place: Place): void {
  if (!places.has(error)) places.set(error, place);
}

export const placeOf = (error: unknown): Place | undefined =>
  typeof error === "object" && error !== null ? places.get(error) : undefined;

/** A fault of a Dockerfile, told with its place and the lines around it. */
export function sourceError(source: Source, lines: Lines, why: string): IsleError {
  const { name, text } = source;
  const problem = `dockerfile parse error on line ${lines.first}: ${why}`;
  const shown = excerptOf(text, lines).map((line) => line.trimEnd());
  const error = new IsleError("invalid", [problem, `${name}:${lines.first}`, ruler, ...shown, ruler].join("\n"));
  notePlace(error, { source, lines, problem });
  return error;
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
