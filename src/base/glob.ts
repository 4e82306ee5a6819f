/** Go's path.Match: `*` and `?` stop at slashes, `[a-z]` and `[^a-z]` are classes, a backslash takes the next as is. */
export function matchesGlob(pattern: string, text: string): boolean {
  try {
    return new RegExp(`^${globSource(pattern, { globstar: false })}$`, "su").test(text);
  } catch {
    return false;
  }
}

export const hasGlob = (text: string): boolean => /[*?[\\]/.test(text);

/** Every class of it has an end. */
export const isWholeGlob = (text: string): boolean => !/\[|\\$/.test(text.replace(/\\.|\[\^?(?:\\.|[^\]\\])+\]/gs, ""));

/** The source of a regular expression for a pattern; with `globstar`, `**` stands for any number of directories. */
export function globSource(pattern: string, { globstar }: { globstar: boolean }): string {
  return pattern.replace(
    /\\(.)|\*\*(\/?)|\[(\^?)((?:\\.|[^\]\\])+)\]|[*?]|[.+^${}()|[\]\\]/gs,
    (token: string, ...groups) => {
      const [escaped, slash, negation, set] = groups as Array<string | undefined>;
      if (escaped !== undefined) return /\w/.test(escaped) ? escaped : `\\${escaped}`;
      if (token.startsWith("**")) return starSource(slash ?? "", globstar);
      if (set !== undefined) return `[${negation}${set}]`;
      if (token === "*") return "[^/]*";
      return token === "?" ? "[^/]" : `\\${token}`;
    },
  );
}

function starSource(slash: string, globstar: boolean): string {
  if (!globstar) return `[^/]*${slash}`;
  return slash ? "(?:.*/)?" : ".*";
}
