/** A reply's JSON as one line for each value, `a.b[0].c`, without what two engines can never share. */
export function plainLines(value: unknown): Map<string, string> {
  const lines = new Map<string, string>();
  collect(value, "", lines);
  return lines;
}

function collect(value: unknown, at: string, lines: Map<string, string>): void {
  if (typeof value !== "object" || value === null) return void lines.set(at, plainText(JSON.stringify(value) ?? ""));
  const entries = Array.isArray(value)
    ? value.map((item, index) => [`${at}[${index}]`, item] as const)
    : Object.entries(value).map(([key, item]) => [`${at}${at ? "." : ""}${plainText(key)}`, item] as const);
  if (entries.length === 0) lines.set(at, Array.isArray(value) ? "[]" : "{}");
  for (const [path, item] of entries) collect(item, path, lines);
}

/** A text without ids, digests and times. */
export function plainText(text: string): string {
  return text
    .replace(/[0-9a-f]{64}/g, "ID")
    .replace(/\b[0-9a-f]{12}\b/g, "SHORT")
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, "TIME")
    .replace(/0001-01-01T00:00:00Z/g, "NEVER")
    .replace(/\b1[78]\d{8}(\d{9})?\b/g, "SECONDS")
    .replace(/(Less than a second|About an? \w+|\d+ (second|minute)s?)( ago)?/g, "AGE")
    .replace(/execDuration=\d+/g, "execDuration=SECONDS")
    .replace(/([0-9a-f]{2}:){5}[0-9a-f]{2}/g, "MAC")
    .replace(/\b172\.\d+\.\d+\.\d+/g, "ADDRESS");
}
