/** Values of variables by name; a name that is not there is unset. */
export type Variables = ReadonlyMap<string, string>;

export interface ExpandOptions {
  /** The character that takes the next one as it is. */
  readonly escapeChar?: string;
  /** Leave quotes and escapes where they are, as in the text of a heredoc. */
  readonly keepsQuotes?: boolean;
}

/** Expands a word and takes its quotes away. A fault in `${…}` throws an Error that says what is wrong. */
export const expandWord = (text: string, variables: Variables, options: ExpandOptions = {}): string =>
  new Expander(text, variables, options).word().join("");

/** Expands text and splits it at spaces that are not quoted; those that come out of a variable split too. */
export const expandWords = (text: string, variables: Variables, options: ExpandOptions = {}): string[] =>
  new Expander(text, variables, options).words();

interface Piece {
  readonly text: string;
  readonly quoted: boolean;
}

/** Unquoted spaces part words; a quoted piece makes a word even when it is empty. */
function wordsOf(pieces: readonly Piece[]): string[] {
  const words: string[] = [];
  let open: string | undefined;
  const close = (): void => {
    if (open !== undefined) words.push(open);
    open = undefined;
  };
  for (const { text, quoted } of pieces) {
    for (const [index, part] of (quoted ? [text] : text.split(/[ \t\n]+/)).entries()) {
      if (index > 0) close();
      if (part !== "" || quoted) open = (open ?? "") + part;
    }
  }
  close();
  return words;
}

class Expander {
  readonly #text: string;
  readonly #variables: Variables;
  readonly #escape: string;
  readonly #keepsQuotes: boolean;
  #at = 0;

  constructor(text: string, variables: Variables, { escapeChar = "\\", keepsQuotes = false }: ExpandOptions) {
    this.#text = text;
    this.#variables = variables;
    this.#escape = escapeChar;
    this.#keepsQuotes = keepsQuotes;
  }

  /** Pieces of the expanded text up to `stop`. */
  word(stop?: string): string[] {
    const pieces: string[] = [];
    while (this.#at < this.#text.length && this.#text[this.#at] !== stop) pieces.push(this.#next(false).text);
    return pieces;
  }

  words(): string[] {
    const pieces: Piece[] = [];
    while (this.#at < this.#text.length) pieces.push(this.#next(false));
    return wordsOf(pieces);
  }

  #next(inDoubleQuotes: boolean): Piece {
    const char = this.#text[this.#at]!;
    if (char === "$") return { text: this.#dollar(), quoted: inDoubleQuotes };
    if (this.#keepsQuotes && char === this.#escape) return this.#keptEscape();
    if (this.#keepsQuotes) return this.#plain();
    if (char === "'" && !inDoubleQuotes) return { text: this.#singleQuoted(), quoted: true };
    if (char === '"') return { text: this.#doubleQuoted(), quoted: true };
    if (char === this.#escape) return { text: this.#escaped(inDoubleQuotes), quoted: true };
    return this.#plain();
  }

  #plain() {
    this.#at += 1;
    return { text: this.#text[this.#at - 1]!, quoted: false };
  }

  /** In a heredoc only a dollar sign needs the escapeChar, which then goes. */
  #keptEscape() {
    const next = this.#text[this.#at + 1];
    this.#at += next === undefined ? 1 : 2;
    return { text: next === "$" ? next : `${this.#escape}${next ?? ""}`, quoted: true };
  }

  #singleQuoted(): string {
    const end = this.#text.indexOf("'", this.#at + 1);
    if (end === -1) throw new Error("unexpected end of statement while looking for matching single-quote");
    const text = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    return text;
  }

  #doubleQuoted(): string {
    let text = "";
    this.#at += 1;
    while (this.#text[this.#at] !== '"') {
      if (this.#at >= this.#text.length) {
        throw new Error("unexpected end of statement while looking for matching double-quote");
      }
      text += this.#next(true).text;
    }
    this.#at += 1;
    return text;
  }

  #escaped(inDoubleQuotes: boolean): string {
    const next = this.#text[this.#at + 1];
    this.#at += 2;
    if (next === undefined) return "";
    const special = next === '"' || next === "$" || next === this.#escape;
    return inDoubleQuotes && !special ? `${this.#escape}${next}` : next;
  }

  #dollar(): string {
    this.#at += 1;
    if (this.#text[this.#at] === "{") return this.#braced();
    const name = /^(?:[A-Za-z_]\w*|\d|[@*#])/.exec(this.#text.slice(this.#at))?.[0];
    if (name === undefined) return "$";
    this.#at += name.length;
    return this.#variables.get(name) ?? "";
  }

  #braced(): string {
    this.#at += 1;
    const name = /^(?:[A-Za-z_]\w*|\d+|[@*#])/.exec(this.#text.slice(this.#at))?.[0];
    if (name === undefined) throw new Error(`bad substitution in "${this.#text}"`);
    this.#at += name.length;
    const value = this.#variables.get(name);
    if (this.#text[this.#at] === "}") {
      this.#at += 1;
      return value ?? "";
    }
    const modifier = /^(?::?[-+?]|##?|%%?|\/\/?)/.exec(this.#text.slice(this.#at))?.[0];
    if (modifier === undefined) throw new Error(`unsupported modifier in substitution of "${name}"`);
    this.#at += modifier.length;
    return this.#modified(name, value, modifier);
  }

  #modified(name: string, value: string | undefined, modifier: string): string {
    const argument = this.word(modifier.startsWith("/") ? "/" : "}").join("");
    const replacement = modifier.startsWith("/") ? this.#replacement() : "";
    if (this.#text[this.#at] !== "}") throw new Error(`syntax error: missing } after "${name}"`);
    this.#at += 1;
    const isSet = modifier.startsWith(":") ? (value ?? "") !== "" : value !== undefined;
    const test = modifier.replace(":", "");
    if (test === "-") return isSet ? value! : argument;
    if (test === "+") return isSet ? argument : "";
    if (test !== "?") return cut(value ?? "", { modifier, pattern: argument, replacement });
    if (isSet) return value!;
    throw new Error(`${name}: ${argument || "not allowed to be empty"}`);
  }

  #replacement(): string {
    if (this.#text[this.#at] !== "/") return "";
    this.#at += 1;
    return this.word("}").join("");
  }
}

interface Cut {
  readonly modifier: string;
  readonly pattern: string;
  readonly replacement: string;
}

/** Takes off the beginning (`#`) or the end (`%`) that fits, doubled the longest one, or replaces what fits (`/`). */
function cut(value: string, { modifier, pattern, replacement }: Cut): string {
  switch (modifier) {
    case "#":
    case "##":
      return value.replace(globPattern(pattern, { anchor: "start", greedy: modifier === "##" }), "");
    case "%":
    case "%%":
      return cutSuffix(value, pattern, modifier === "%%");
    default:
      return value.replace(globPattern(pattern, { greedy: true, all: modifier === "//" }), () => replacement);
  }
}

interface GlobOptions {
  readonly anchor?: "start";
  readonly greedy: boolean;
  readonly all?: boolean;
}

/** A shell pattern of `*`, `?` and escapes as a regular expression. */
function globPattern(pattern: string, { anchor, greedy, all = false }: GlobOptions): RegExp {
  return new RegExp(`${anchor === "start" ? "^" : ""}${globSource(pattern, greedy)}`, all ? "gs" : "s");
}

function globSource(pattern: string, greedy: boolean): string {
  return pattern.replace(/\\(.)|[*?]|[.+^${}()|[\]\\/]/gs, (token, escaped?: string) => {
    if (escaped !== undefined) return escaped.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");
    if (token === "*") return greedy ? ".*" : ".*?";
    return token === "?" ? "." : `\\${token}`;
  });
}

/** The shortest or the longest end that fits, taken off. */
function cutSuffix(value: string, pattern: string, longest: boolean): string {
  const whole = new RegExp(`^${globSource(pattern, true)}$`, "s");
  const starts = Array.from({ length: value.length + 1 }, (_, index) => (longest ? index : value.length - index));
  const start = starts.find((index) => whole.test(value.slice(index)));
  return start === undefined ? value : value.slice(0, start);
}
