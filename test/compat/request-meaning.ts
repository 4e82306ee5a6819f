interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly search: string;
  readonly body: string;
}

/** Maps whose keys mean something even when their values are empty. */
const keyedMaps = new Set(["Volumes", "ExposedPorts", "EndpointsConfig", "PortBindings"]);
/** Lists whose order a client may choose. */
const unordered = new Set(["Binds", "Env", "Config"]);
/** Values that say the same as nothing. */
const defaults: Readonly<Record<string, string>> = {
  MemorySwappiness: "-1",
  ConsoleSize: "[0,0]",
  RestartPolicy: '{"Name":"no"}',
  EnableIPv4: "true",
};

/** A request as text in which everything that means the same to the daemon reads the same. */
export function meaning({ method, path, search, body }: RecordedRequest): string {
  const query = [...new URLSearchParams(search)]
    .map(([name, value]) => [name, sortedJson(value)] as const)
    .filter(([, value]) => !["", "0", "false", "{}"].includes(value))
    .map(([name, value]) => `${name}=${value === "true" ? "1" : value}`)
    .sort();
  const json = body.startsWith("{") ? JSON.stringify(simplified(JSON.parse(body), ""), undefined, 1) : "";
  return `${method} ${path} ${query.join("&")} ${json === "{}" ? "" : json}`.trim();
}

/** Filters come as lists or as maps of true. */
function sortedJson(text: string): string {
  if (!text.startsWith("{")) return text;
  const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
  const lists = entries.map(([name, values]) => [name, Array.isArray(values) ? values : Object.keys(values as object)]);
  return JSON.stringify(Object.fromEntries(lists.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))));
}

function simplified(value: unknown, name: string): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => simplified(item, ""));
    return unordered.has(name) ? items.sort(byText) : items;
  }
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .map(([key, item]) => [key, simplified(item, key)] as const)
    .filter(([key, item]) => keyedMaps.has(name) || !isNothing(key, item));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

function isNothing(key: string, value: unknown): boolean {
  const text = JSON.stringify(value);
  return ["null", '""', "0", "false", "[]", "{}"].includes(text) || defaults[key] === text;
}
