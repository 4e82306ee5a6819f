/**
 * Takes out of a client's output what two runs can never share: paths, times, the program's own name; random ids
 * become numbers in the order they are first seen, so that one id in two places must stay one.
 */
export function plainOutput(paths: readonly string[]): (text: string) => string {
  const seen = new Map<string, number>();
  const numberOf = (id: string): string => {
    const key = id.slice(0, 12);
    if (!seen.has(key)) seen.set(key, seen.size + 1);
    return `<${seen.get(key)}:${id.length}>`;
  };
  return (text) => {
    const placed = paths.reduce((rest, path) => rest.replaceAll(path, "DIR"), text);
    return timeless(placed)
      .replace(/\b[0-9a-f]{64}\b|\b[0-9a-f]{12}\b/g, numberOf)
      .replace(/\bisle\b/g, "docker")
      .replace(/template: :1:\d+:/g, "template: :1:")
      .replace(/ +/g, " ");
  };
}

function timeless(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| ?[+-]\d\d:?\d\d)?( UTC)?/g, "TIME")
    .replace(/(Less than a second|About an? \w+|\d+ (second|minute|hour|day)s?)( ago)?/g, "AGE$3");
}
