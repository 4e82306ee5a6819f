/** Values by name: undefined, false and "" are left out, lists repeat their name, objects go as JSON. */
export type QueryValues = Readonly<
  Record<string, string | number | boolean | readonly string[] | Readonly<Record<string, unknown>> | undefined>
>;

/** `?all=1&name=x`, or nothing when no value is set. */
export function queryString(values: QueryValues): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    for (const text of texts(value)) parts.push(`${name}=${encodeURIComponent(text)}`);
  }
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

function texts(value: QueryValues[string]): readonly string[] {
  if (value === undefined || value === false || value === "") return [];
  if (value === true) return ["1"];
  if (Array.isArray(value)) return value as readonly string[];
  if (typeof value === "object") return Object.keys(value).length === 0 ? [] : [JSON.stringify(value)];
  return [String(value)];
}
