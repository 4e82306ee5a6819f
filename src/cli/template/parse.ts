import { lex, type Piece, TemplateError, type Token } from "./lex.ts";

/** A value to work out: what to start from, then fields of it. */
export type Operand =
  | { readonly kind: "dot" }
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "pipeline"; readonly pipeline: Pipeline }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "fields"; readonly of: Operand; readonly names: readonly string[] };

/** Commands joined by `|`; each is a function or value with its arguments. */
export type Pipeline = readonly (readonly Operand[])[];

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly pipeline: Pipeline }
  | { readonly kind: "assign"; readonly name: string; readonly declares: boolean; readonly pipeline: Pipeline }
  | { readonly kind: "if" | "with"; readonly pipeline: Pipeline; readonly body: Node[]; readonly otherwise: Node[] }
  | {
      readonly kind: "range";
      readonly variables: readonly string[];
      readonly pipeline: Pipeline;
      readonly body: Node[];
      readonly otherwise: Node[];
    }
  | { readonly kind: "break" | "continue" };

/** The tree of a template. Throws TemplateError. */
export function parseTemplate(template: string): Node[] {
  const parser = new Parser(lex(template));
  const nodes = parser.list();
  if (parser.stoppedAt !== undefined) throw new TemplateError(`unexpected {{${parser.stoppedAt}}}`);
  return nodes;
}

class Parser {
  readonly #pieces: readonly Piece[];
  #at = 0;
  /** The word that ended the last list: `end`, `else`, or undefined at the template's end. */
  stoppedAt: string | undefined;
  #stopRest: readonly Token[] = [];

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  list(): Node[] {
    const nodes: Node[] = [];
    while (this.#at < this.#pieces.length) {
      const piece = this.#pieces[this.#at++]!;
      if (piece.kind === "text") {
        nodes.push(piece);
        continue;
      }
      const [first, ...rest] = piece.tokens;
      const word = first?.kind === "word" ? first.name : undefined;
      if (word === "end" || word === "else") {
        this.stoppedAt = word;
        this.#stopRest = rest;
        return nodes;
      }
      nodes.push(this.#action(word, piece.tokens, rest));
    }
    this.stoppedAt = undefined;
    return nodes;
  }

  #action(word: string | undefined, tokens: readonly Token[], rest: readonly Token[]): Node {
    if (tokens.length === 0) throw new TemplateError("missing value for command");
    if (word === "if" || word === "with") return { kind: word, pipeline: parsePipeline(rest), ...this.#branches(word) };
    if (word === "range") return { kind: "range", ...rangeHead(rest), ...this.#branches(word) };
    if (word === "break" || word === "continue") return { kind: word };
    const [variable, operator] = tokens;
    if (variable?.kind === "variable" && operator?.kind === "symbol" && /^:?=$/.test(operator.name)) {
      const pipeline = parsePipeline(tokens.slice(2));
      return { kind: "assign", name: variable.name, declares: operator.name === ":=", pipeline };
    }
    return { kind: "print", pipeline: parsePipeline(tokens) };
  }

  #branches(word: "if" | "with" | "range"): { body: Node[]; otherwise: Node[] } {
    const body = this.list();
    if (this.stoppedAt === undefined) throw new TemplateError("unexpected EOF");
    if (this.stoppedAt === "end") return { body, otherwise: [] };
    const [chained, ...rest] = this.#stopRest;
    if (chained?.kind === "word" && word !== "range" && (chained.name === "if" || chained.name === "with")) {
      const nested = { kind: chained.name, pipeline: parsePipeline(rest), ...this.#branches(chained.name) } as Node;
      return { body, otherwise: [nested] };
    }
    const otherwise = this.list();
    if (this.stoppedAt !== "end") throw new TemplateError("unexpected EOF");
    return { body, otherwise };
  }
}

function rangeHead(tokens: readonly Token[]): { variables: string[]; pipeline: Pipeline } {
  const assign = tokens.findIndex((token) => token.kind === "symbol" && token.name === ":=");
  const names = tokens
    .slice(0, Math.max(assign, 0))
    .flatMap((token) => (token.kind === "variable" ? [token.name] : []));
  return { variables: names, pipeline: parsePipeline(tokens.slice(assign + 1)) };
}

function parsePipeline(tokens: readonly Token[]): Pipeline {
  const reader = { tokens, at: 0 };
  const pipeline = readPipeline(reader);
  if (reader.at < tokens.length) throw new TemplateError('unexpected ")" in command');
  return pipeline;
}

interface Reader {
  readonly tokens: readonly Token[];
  at: number;
}

const isSymbol = (token: Token | undefined, name: string): boolean => token?.kind === "symbol" && token.name === name;

function readPipeline(reader: Reader): Pipeline {
  const commands: Operand[][] = [[]];
  for (; reader.at < reader.tokens.length; ) {
    const token = reader.tokens[reader.at]!;
    if (isSymbol(token, ")")) break;
    reader.at += 1;
    if (isSymbol(token, "|")) commands.push([]);
    else commands.at(-1)!.push(withFields(reader, operandOf(reader, token)));
  }
  if (commands.some((command) => command.length === 0)) throw new TemplateError("missing value for command");
  return commands;
}

function operandOf(reader: Reader, token: Token): Operand {
  if (token.kind === "literal") return { kind: "literal", value: token.value };
  if (token.kind === "variable") return { kind: "variable", name: token.name };
  if (token.kind === "field") return { kind: "fields", of: { kind: "dot" }, names: [token.name] };
  if (token.kind === "word") return wordOperand(token.name);
  if (token.name === ".") return { kind: "dot" };
  if (token.name !== "(") throw new TemplateError(`unexpected "${token.name}" in operand`);
  const pipeline = readPipeline(reader);
  if (!isSymbol(reader.tokens[reader.at++], ")")) throw new TemplateError("unclosed left paren");
  return { kind: "pipeline", pipeline };
}

function wordOperand(name: string): Operand {
  if (name === "true" || name === "false") return { kind: "literal", value: name === "true" };
  return name === "nil" ? { kind: "literal", value: null } : { kind: "function", name };
}

/** Fields written right behind an operand, without a space. */
function withFields(reader: Reader, operand: Operand): Operand {
  const names: string[] = operand.kind === "fields" ? [...operand.names] : [];
  const of = operand.kind === "fields" ? operand.of : operand;
  for (; reader.at < reader.tokens.length; reader.at += 1) {
    const token = reader.tokens[reader.at]!;
    if (token.kind !== "field" || token.spaced) break;
    names.push(token.name);
  }
  return names.length === 0 ? operand : { kind: "fields", of, names };
}
