import type { Answer } from "./engine-request.ts";
import { plainLines, plainText } from "./plain-json.ts";

/** Something that two engines answer differently. */
export interface Found {
  /** `GET /path`, or `events`. */
  readonly request: string;
  /** `status`, `type`, `text`, a header, a path in the JSON, or an event. */
  readonly at: string;
  readonly docker: string;
  readonly isle: string;
}

/** Error texts by which clients decide what to do. */
const matchedOn =
  /^(No such (container|image|exec instance)|Conflict\. The container name|get .*: no such volume|network .* not found|cannot remove container|remove .*: volume is in use|Could not find the file|client version|reference does not exist)/;

const comparedHeaders = ["api-version", "docker-experimental", "ostype", "swarm", "cache-control", "builder-version"];

/** What differs in two answers to one request. Clients read null, an empty list and nothing at all alike. */
export function compareAnswers(request: string, docker: Answer, isle: Answer, keysOnly: boolean): Found[] {
  const pairs: Pair[] = [["status", docker.status, isle.status]];
  if (request.endsWith("/_ping")) pairs.push(...headersOf(docker, isle));
  if (docker.status < 400 && isle.status < 400) pairs.push(["type", docker.type, isle.type]);
  if (docker.status === isle.status) pairs.push(...bodiesOf(docker, isle, keysOnly));
  return pairs
    .filter(([, a, b]) => a !== b)
    .map(([at, a, b]) => ({ request, at, docker: String(a ?? "nothing"), isle: String(b ?? "nothing") }));
}

type Pair = readonly [at: string, docker: unknown, isle: unknown];

const headersOf = (docker: Answer, isle: Answer): Pair[] =>
  comparedHeaders.map((name) => [name, docker.headers[name], isle.headers[name]]);

function bodiesOf(docker: Answer, isle: Answer, keysOnly: boolean): Pair[] {
  if (docker.status >= 400) {
    const [a, b] = [docker, isle].map(({ json }) => plainText(String(json?.message ?? "")));
    return matchedOn.test(a!) ? [["message", a, b]] : [];
  }
  if (docker.json === undefined || isle.json === undefined) {
    return [["text", plainText(docker.text), plainText(isle.text)]];
  }
  const [a, b] = [docker, isle].map(({ json }) => plainLines(ordered(json)));
  const shown = (value: string | undefined) =>
    keysOnly && something(value) !== undefined ? "a value" : something(value);
  return [...new Set([...a!.keys(), ...b!.keys()])].map((path) => [path, shown(a!.get(path)), shown(b!.get(path))]);
}

const something = (value: string | undefined): string | undefined =>
  value === "null" || value === "[]" || value === "{}" ? undefined : value;

/** Lists in an order of their own: engines list names, tags and networks as they come. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, inOrder(name, item)]));
}

const inOrder = (name: string, item: unknown): unknown => (unorderedLists.has(name) ? ordered(item) : item);

const unorderedLists = new Set(["RepoTags", "Volumes", "Containers", "Images", "Mounts", "VolumesDeleted"]);

function keyOf(item: unknown): string {
  if (typeof item !== "object" || item === null) return String(item);
  const { Destination, Name, Names, RepoTags, Action } = item as Record<string, unknown>;
  return String(Destination ?? Name ?? Names ?? RepoTags ?? Action ?? "");
}
