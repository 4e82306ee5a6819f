/** True when the labels have every `label` (`name` or `name=value`) and none of the `label!` of the filters. */
export function matchesLabels(
  labels: Readonly<Record<string, string>>,
  filters: ReadonlyMap<string, readonly string[]>,
): boolean {
  const has = (wanted: string): boolean => {
    const at = wanted.indexOf("=");
    if (at === -1) return wanted in labels;
    return labels[wanted.slice(0, at)] === wanted.slice(at + 1);
  };
  return (filters.get("label") ?? []).every(has) && !(filters.get("label!") ?? []).some(has);
}
