/** True when the labels have one that `wanted` names: `name` or `name=value`. */
export function hasLabel(labels: Readonly<Record<string, string | null>> | null | undefined, wanted: string): boolean {
  const [key = "", ...rest] = wanted.split("=");
  const value = labels?.[key];
  return value !== undefined && (rest.length === 0 || value === rest.join("="));
}
