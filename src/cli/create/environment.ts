import { usageError } from "../exit.ts";
import { splitOnce } from "../split-once.ts";

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** The text of a file; throws when it cannot be read. */
  readText(path: string): string;
}

/** Variables of the files, then those written out. A bare name passes the caller's value on. */
export function environment(files: readonly string[], written: readonly string[], around: Surroundings): string[] {
  const fromFiles = files
    .flatMap((path) => fileLines(path, around))
    .flatMap((line) => {
      if (line.includes("=")) return [line];
      const value = around.env[line];
      return value === undefined ? [] : [`${line}=${value}`];
    });
  const direct = written.map((text) => {
    if (text === "" || text.startsWith("=")) throw usageError(`invalid environment variable: ${text}`);
    const value = around.env[text];
    return text.includes("=") || value === undefined ? text : `${text}=${value}`;
  });
  return [...fromFiles, ...direct];
}

/** Labels of the files, then those written out. */
export function labels(
  files: readonly string[],
  written: readonly string[],
  around: Surroundings,
): Record<string, string> {
  const texts = [...files.flatMap((path) => fileLines(path, around)), ...written];
  return Object.fromEntries(texts.map((text) => splitOnce(text, "=")).map(([name, value = ""]) => [name, value]));
}

/** Lines that say something; `#` begins a comment at a line's start. */
function fileLines(path: string, { readText }: Surroundings): string[] {
  const lines = readText(path)
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/);
  return lines
    .map((line) => line.trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [name] = splitOnce(line, "=");
      if (name === "") throw usageError(`no variable name on line '${line}'`);
      if (/\s/.test(name)) throw usageError(`variable '${name}' contains whitespaces`);
      return line;
    });
}
