import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Definitions, type Shape, shapeProblems } from "../../src/api/shape.ts";

interface Rules {
  readonly definitions: Definitions;
  readonly operations: Readonly<Record<string, Readonly<Record<string, Shape | null>>>>;
}

export interface Exchanged {
  readonly method: string;
  readonly path: string;
  readonly status: number;
}

const rules = JSON.parse(readFileSync(join(import.meta.dirname, "api-shapes.json"), "utf8")) as Rules;

/** What the real engine sends although the specification does not list it. */
const alsoSent: Readonly<Record<string, readonly number[]>> = {
  "GET /images/json": [301],
  "POST /build": [409],
  "POST /networks/create": [409],
  "POST /volumes/create": [404],
  "POST /containers/{id}/pause": [409],
  "POST /containers/{id}/start": [409],
};

/** A request the real engine cannot read is answered 400, one it does not implement 501, on every path. */
const everywhere = [400, 501];

const progressLine: Shape = {
  type: "object",
  properties: {
    id: { type: "string" },
    status: { type: "string" },
    stream: { type: "string" },
    progress: { type: "string" },
    error: { type: "string" },
    errorDetail: { type: "object", properties: { code: { type: "integer" }, message: { type: "string" } } },
    progressDetail: { type: "object" },
    aux: { type: "object" },
  },
};

/** The real engine repeats the action, the container and its image as older clients expect them. */
const eventLine: Shape = {
  type: "object",
  properties: {
    ...rules.definitions["EventMessage"]!.properties,
    status: { type: "string" },
    id: { type: "string" },
    from: { type: "string" },
  },
};

/** Operations that answer with lines of JSON, and the shape of each line when the specification has none. */
const lineOperations: Readonly<Record<string, Shape | undefined>> = {
  "POST /images/create": progressLine,
  "POST /images/{name}/push": progressLine,
  "POST /images/load": progressLine,
  "GET /events": eventLine,
  "GET /containers/{id}/stats": undefined,
};

const templates = Object.keys(rules.operations).map((operation) => {
  const [method, path] = operation.split(" ") as [string, string];
  // Names of images hold slashes.
  const pattern = path.replace(
    /\{name\}/g,
    path.startsWith("/images") || path.startsWith("/distribution") ? ".+" : "[^/]+",
  );
  return { operation, method, pattern: new RegExp(`^(/v1\\.\\d+)?${pattern.replace(/\{\w+\}/g, "[^/]+")}$`) };
});

/** `GET /containers/{id}/json` for `/v1.51/containers/x/json`; undefined for isle's own routes. */
export function operationOf(method: string, path: string): string | undefined {
  if (/^(\/v1\.\d+)?\/isle\//.test(path) || path === "/metrics") return undefined;
  const literal = templates.find((each) => each.operation === `${method} ${path.replace(/^\/v1\.\d+/, "")}`);
  const found = literal ?? templates.find((each) => each.method === method && each.pattern.test(path));
  if (!found) throw new Error(`${method} ${path} is not in the specification`);
  return found.operation;
}

/** The shape of one answer; throws when the specification knows no such status there. */
export function statusShape({ method, path, status }: Exchanged): {
  shape: Shape | undefined;
  definitions: Definitions;
} {
  const { definitions } = rules;
  const operation = operationOf(method, path);
  if (operation === undefined) return { shape: undefined, definitions };
  const known = rules.operations[operation]!;
  if (!(String(status) in known)) {
    if (![...(alsoSent[operation] ?? []), ...everywhere].includes(status)) {
      throw new Error(`${method} ${path}: status ${status} is not in the specification`);
    }
    return { shape: status >= 400 ? { $ref: "#/definitions/ErrorResponse" } : undefined, definitions };
  }
  if (status < 300 && lineOperations[operation]) return { shape: lineOperations[operation], definitions };
  return { shape: known[status] ?? undefined, definitions };
}

/** Holds a whole answer against its shape. */
export function checkBody({ isJson, text, ...exchanged }: Exchanged & { isJson: boolean; text: string }): void {
  const { shape, definitions } = statusShape(exchanged);
  const at = `${exchanged.method} ${exchanged.path} (${exchanged.status})`;
  if (exchanged.status >= 400 && exchanged.method !== "HEAD" && !isJson)
    throw new Error(`${at}: an error that is not JSON`);
  if (!isJson || text.trim() === "" || !shape) return;
  const lines = exchanged.status < 300 && (operationOf(exchanged.method, exchanged.path) ?? "") in lineOperations;
  const values = lines
    ? text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as unknown)
    : [JSON.parse(text) as unknown];
  if (shape.format === "binary") return;
  const problems = values.flatMap((value) => shapeProblems(value, shape, { definitions, strict: true }));
  if (problems.length > 0) throw new Error(`${at}: ${problems.join("; ")}`);
}
