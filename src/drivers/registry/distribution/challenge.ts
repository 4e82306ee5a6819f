/** One challenge of a WWW-Authenticate header. */
export interface Challenge {
  /** Lower case: `basic` or `bearer`. */
  readonly scheme: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** Reads a WWW-Authenticate header; parts that do not parse are left out. */
export function parseChallenges(header: string | undefined): Challenge[] {
  const challenges: Array<{ scheme: string; parameters: Record<string, string> }> = [];
  const token = /\s*,?\s*([A-Za-z0-9_-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/y;
  const text = header ?? "";
  for (let match = token.exec(text); match; match = token.exec(text)) {
    const [, name = "", quoted, plain] = match;
    const value = quoted?.replace(/\\(.)/g, "$1") ?? plain;
    const last = challenges.at(-1);
    if (value === undefined) challenges.push({ scheme: name.toLowerCase(), parameters: {} });
    else if (last) last.parameters[name.toLowerCase()] = value;
  }
  return challenges;
}
