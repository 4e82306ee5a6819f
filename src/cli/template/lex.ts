/** A piece of a template: text as it is, or the words between `{{` and `}}`. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly tokens: readonly Token[] };

export type Token =
  | { readonly kind: "field"; readonly name: string; readonly spaced: boolean }
  | { readonly kind: "variable" | "word" | "symbol"; readonly name: string; readonly spaced: boolean }
  | { readonly kind: "literal"; readonly value: string | number; readonly spaced: boolean };

export class TemplateError extends Error {}

/** Cuts a template into pieces; `{{-` and `-}}` take the white space beside them away. */
export function lex(template: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimNext = false;
  while (at < template.length) {
    const open = template.indexOf("{{", at);
    const text = template.slice(at, open === -1 ? undefined : open);
    const trimsLeft = open !== -1 && /^\{\{-\s/.test(template.slice(open, open + 4));
    pushText(pieces, text, { start: trimNext, end: trimsLeft });
    if (open === -1) break;
    const close = actionEnd(template, open + 2);
    const inner = template.slice(open + 2, close);
    trimNext = /\s-$/.test(inner);
    const body = inner.slice(trimsLeft ? 1 : 0, trimNext ? -1 : undefined);
    if (!/^\s*\/\*[\s\S]*\*\/\s*$/.test(body)) pieces.push({ kind: "action", tokens: tokensOf(body) });
    at = close + 2;
  }
  return pieces;
}

function pushText(pieces: Piece[], text: string, trim: { start: boolean; end: boolean }): void {
  const left = trim.start ? text.trimStart() : text;
  const kept = trim.end ? left.trimEnd() : left;
  if (kept !== "") pieces.push({ kind: "text", text: kept });
}

/** Where `}}` closes the action, outside of quoted text. */
function actionEnd(template: string, from: number): number {
  const pattern = /"(?:[^"\\]|\\.)*"|`[^`]*`|\/\*[\s\S]*?\*\/|\}\}/g;
  pattern.lastIndex = from;
  for (let match = pattern.exec(template); match !== null; match = pattern.exec(template)) {
    if (match[0] === "}}") return match.index;
  }
  throw new TemplateError("unclosed action");
}

const tokenPattern =
  /(\s*)(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`|'((?:[^'\\]|\\.))'|(-?\d+(?:\.\d+)?)|\.([A-Za-z_]\w*)|(\$\w*)|([A-Za-z_]\w*)|(:=|[.()|,=]))/y;

function tokensOf(body: string): Token[] {
  const tokens: Token[] = [];
  tokenPattern.lastIndex = 0;
  const end = body.trimEnd().length;
  while (tokenPattern.lastIndex < end) {
    const from = tokenPattern.lastIndex;
    const match = tokenPattern.exec(body);
    if (match === null) throw new TemplateError(`unexpected ${JSON.stringify(body.slice(from).trim()[0])} in action`);
    tokens.push(tokenOf(match));
  }
  return tokens;
}

function tokenOf([, space, quoted, raw, char, number, field, variable, word, symbol]: RegExpExecArray): Token {
  const spaced = space !== "";
  if (quoted !== undefined) return { kind: "literal", value: withoutEscapes(quoted), spaced };
  if (raw !== undefined) return { kind: "literal", value: raw, spaced };
  if (char !== undefined) return { kind: "literal", value: withoutEscapes(char).codePointAt(0)!, spaced };
  if (number !== undefined) return { kind: "literal", value: Number(number), spaced };
  if (field !== undefined) return { kind: "field", name: field, spaced };
  if (variable !== undefined) return { kind: "variable", name: variable, spaced };
  if (word !== undefined) return { kind: "word", name: word, spaced };
  return { kind: "symbol", name: symbol!, spaced };
}

const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" };

function withoutEscapes(text: string): string {
  return text.replace(/\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)/g, (_, code: string) =>
    code.length > 1 ? String.fromCodePoint(Number.parseInt(code.slice(1), 16)) : (escapes[code] ?? code),
  );
}
