import { type Lines, type Source, sourceError } from "./source.ts";

/** One instruction's text: continued lines joined, comments in between taken out. */
export interface LogicalLine extends Lines {
  readonly keyword: string;
  /** The keyword as it is written. */
  readonly typed: string;
  /** An empty line lies between a continued line and what it continues with. */
  readonly emptyContinuation: boolean;
  /** Last line of the instruction itself, before its heredocs. */
  readonly textEnd: number;
  /** Comments right above, without their marks. */
  readonly comments: readonly string[];
  /** What follows the keyword, without spaces around it. */
  readonly rest: string;
  readonly heredocs: readonly Heredoc[];
}

/** A document that stands below its instruction, such as `<<EOF … EOF`. */
export interface Heredoc {
  /** The word that ends it; the name of the file it becomes. */
  readonly name: string;
  readonly content: string;
  /** False when the word was quoted: variables in the document stay as they are. */
  readonly expands: boolean;
  readonly stripsTabs: boolean;
}

export interface LogicalLines {
  readonly directives: Readonly<Record<string, string>>;
  readonly escapeChar: string;
  readonly lines: readonly LogicalLine[];
}

const takesHeredocs = new Set(["RUN", "COPY", "ADD"]);

/** Splits a Dockerfile into its directives and instructions. */
export function logicalLines(source: Source): LogicalLines {
  const physical = source.text.replace(/^\uFEFF/, "").split("\n");
  const directives = readDirectives(source, physical);
  const escapeChar = directives["escape"] ?? "\\";
  const lines: LogicalLine[] = [];
  let comments: string[] = [];
  for (let at = Object.keys(directives).length; at < physical.length; ) {
    if (isBlank(physical[at]!) || isComment(physical[at]!)) {
      comments = isBlank(physical[at]!) ? [] : [...comments, physical[at]!.replace(/^\s*#\s*/, "").trim()];
      at += 1;
      continue;
    }
    const { text, next, emptyContinuation } = joinContinued(physical, at, escapeChar);
    const [, keyword = "", rest = ""] = /^\s*(\S+)\s*([\s\S]*?)\s*$/.exec(text) ?? [];
    const { heredocs, end } = readHeredocs(source, physical, { keyword, rest, first: at, next });
    const more = { typed: keyword, emptyContinuation, textEnd: next, comments };
    lines.push({ keyword: keyword.toUpperCase(), rest, heredocs, first: at + 1, last: end, ...more });
    comments = [];
    at = end;
  }
  return { directives, escapeChar, lines };
}

const isBlank = (line: string): boolean => line.trim() === "";
const isComment = (line: string): boolean => /^\s*#/.test(line);

/** `# name=value` comments before anything else. */
function readDirectives(source: Source, physical: readonly string[]): Record<string, string> {
  const directives: Record<string, string> = {};
  for (const [index, line] of physical.entries()) {
    const match = /^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$/.exec(line);
    if (!match) break;
    const name = match[1]!.toLowerCase();
    if (!["syntax", "escape", "check"].includes(name)) break;
    const place = { first: index + 1, last: index + 1 };
    if (name in directives) throw sourceError(source, place, `only one ${name} parser directive can be used`);
    directives[name] = match[2]!;
    if (name === "escape" && !/^[\\`]$/.test(match[2]!)) {
      throw sourceError(source, place, `invalid ESCAPE '${match[2]}': it must be a backslash or a backtick`);
    }
  }
  return directives;
}

function joinContinued(physical: readonly string[], start: number, escapeChar: string) {
  const token = escapeChar === "`" ? "`" : "\\\\";
  const continued = new RegExp(`^((?:[\\s\\S]*[^${token}])?)${token}[ \\t]*\\r?$`);
  let text = "";
  let next = start;
  let emptyContinuation = false;
  while (next < physical.length) {
    const line = physical[next]!;
    next += 1;
    if (next - 1 > start && isBlank(line)) emptyContinuation = true;
    if (next - 1 > start && (isComment(line) || isBlank(line))) continue;
    const more = continued.exec(line);
    text += more ? more[1]! : line.replace(/\r$/, "");
    if (!more) break;
  }
  return { text, next, emptyContinuation };
}

interface Found {
  readonly keyword: string;
  readonly rest: string;
  /** Index of the instruction's first physical line, and of the one after its last. */
  readonly first: number;
  readonly next: number;
}

function readHeredocs(source: Source, physical: readonly string[], found: Found) {
  const openings = heredocText(found);
  const heredocs: Heredoc[] = [];
  let end = found.next;
  for (const opening of openings === undefined ? [] : heredocOpenings(openings)) {
    const document = readDocument(physical, end, opening);
    if (!document) {
      throw sourceError(source, { first: found.first + 1, last: found.next }, `unterminated heredoc ${opening.name}`);
    }
    heredocs.push({ ...opening, content: document.content });
    end = document.end;
  }
  return { heredocs, end };
}

/** Where heredocs may be opened; an ONBUILD opens those of its trigger. */
function heredocText({ keyword, rest }: Found): string | undefined {
  if (takesHeredocs.has(keyword.toUpperCase())) return rest;
  if (keyword.toUpperCase() !== "ONBUILD") return undefined;
  const [, trigger = "", inner = ""] = /^(\S+)\s*([\s\S]*)$/.exec(rest) ?? [];
  return takesHeredocs.has(trigger.toUpperCase()) ? inner : undefined;
}

function readDocument(physical: readonly string[], start: number, { name, stripsTabs }: Omit<Heredoc, "content">) {
  const lines: string[] = [];
  for (let at = start; at < physical.length; at += 1) {
    const line = physical[at]!.replace(/\r$/, "");
    const bare = stripsTabs ? line.replace(/^\t+/, "") : line;
    if (bare === name) return { content: lines.map((each) => `${each}\n`).join(""), end: at + 1 };
    lines.push(bare);
  }
  return undefined;
}

/** `<<EOF`, `<<-EOF`, `<<"EOF"` and `3<<EOF` outside of quotes. */
export function heredocOpenings(text: string): Array<Omit<Heredoc, "content">> {
  if (text.trimStart().startsWith("[")) return [];
  const openings: Array<Omit<Heredoc, "content">> = [];
  const pattern =
    /"(?:\\.|[^"\\])*"|'[^']*'|\\.|(?<=^|[\s;&|()])\d*<<(-?)(?:"([^"\s]+)"|'([^'\s]+)'|([A-Za-z_][\w.]*))/g;
  for (const [all, dash, double, single, bare] of text.matchAll(pattern)) {
    const word = double ?? single ?? bare;
    if (!all.includes("<<") || word === undefined) continue;
    openings.push({ name: word, expands: bare !== undefined, stripsTabs: dash === "-" });
  }
  return openings;
}
