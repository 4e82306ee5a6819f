/** Go's truth: not empty and not zero. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** A value as Go prints it: `[a b]`, `map[k:v]`, `<no value>`. */
export function show(value: unknown): string {
  if (value === undefined) return "<no value>";
  return value === null ? "<nil>" : showInside(value);
}

function showInside(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(showInside).join(" ")}]`;
  if (typeof value !== "object") return String(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, item]) => `${key}:${showInside(item)}`).join(" ")}]`;
}

/** Go's Printf for the verbs that make sense without its types. */
export function sprintf(format: string, args: readonly unknown[]): string {
  let next = 0;
  const text = format.replace(/%([-+# 0]*)(\d+)?(?:\.(\d+))?([a-zA-Z%])/g, (...match: unknown[]) => {
    const [, flags, width, precision, verb] = match as string[];
    if (verb === "%") return "%";
    if (next >= args.length) return `%!${verb}(MISSING)`;
    const body = formatVerb(verb!, args[next++], precision === undefined ? undefined : Number(precision));
    return pad(body, Number(width ?? 0), flags!);
  });
  return next < args.length ? `${text}%!(EXTRA ${args.slice(next).map(extra).join(", ")})` : text;
}

const goType = (value: unknown): string =>
  typeof value === "number" ? "int" : typeof value === "boolean" ? "bool" : typeof value;
const extra = (value: unknown): string => `${goType(value)}=${show(value)}`;

function formatVerb(verb: string, value: unknown, precision: number | undefined): string {
  const byVerb: Record<string, () => string> = {
    q: () => JSON.stringify(String(value)),
    d: () => (typeof value === "number" ? String(Math.trunc(value)) : `%!d(${extra(value)})`),
    f: () => Number(value).toFixed(precision ?? 6),
    x: () => (typeof value === "number" ? value.toString(16) : Buffer.from(String(value)).toString("hex")),
    t: () => String(value),
    s: () => (precision === undefined ? show(value) : show(value).slice(0, precision)),
  };
  return (byVerb[verb] ?? (() => show(value)))();
}

function pad(text: string, width: number, flags: string): string {
  if (flags.includes("-")) return text.padEnd(width);
  return text.padStart(width, flags.includes("0") ? "0" : " ");
}
