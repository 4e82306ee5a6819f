/** Go's path.Match: `*` and `?` stop at slashes, `[a-z]` and `[^a-z]` are classes, a backslash takes the next as is. */
export function matchesGlob(pattern: string, text: string): boolean {
  const source = pattern.replace(/\\(.)|\[(\^?)((?:\\.|[^\]\\])+)\]|[*?]|[.+^${}()|[\]\\]/g, translate);
  try {
    return new RegExp(`^${source}$`, "u").test(text);
  } catch {
    return false;
  }
}

function translate(token: string, escaped?: string, negation?: string, set?: string): string {
  if (escaped !== undefined) return /\w/.test(escaped) ? escaped : `\\${escaped}`;
  if (set !== undefined) return `[${negation}${set}]`;
  if (token === "*") return "[^/]*";
  return token === "?" ? "[^/]" : `\\${token}`;
}
