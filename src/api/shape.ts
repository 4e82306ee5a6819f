/** The parts of a JSON schema that constrain a value, as tools/generate-api.ts takes them from the specification. */
export interface Shape {
  readonly type?: string;
  readonly format?: string;
  readonly $ref?: string;
  readonly enum?: readonly unknown[];
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: Shape;
  readonly allOf?: readonly Shape[];
  readonly required?: readonly string[];
}

export type Definitions = Readonly<Record<string, Shape>>;

interface Check {
  readonly definitions: Definitions;
  /** Also refuse members that no shape names, and values outside an enumeration. */
  readonly strict: boolean;
}

/** Problems of a value, each `path: what is wrong`; none when it fits. Null fits everywhere, as the engine sends it. */
export function shapeProblems(value: unknown, shape: Shape, check: Check, path = ""): string[] {
  if (value === null || value === undefined) return [];
  if (shape.$ref) return shapeProblems(value, definitionOf(shape.$ref, check.definitions), check, path);
  if (shape.allOf) return shapeProblems(value, mergeAll(shape, check.definitions), check, path);
  if (check.strict && shape.enum && typeof value !== "object" && !shape.enum.includes(value)) {
    return [`${path}: ${JSON.stringify(value)} is not one of ${JSON.stringify(shape.enum)}`];
  }
  if (!fitsType(value, shape)) return [`${path}: want ${shape.type ?? "object"}, got ${typeName(value)}`];
  if (Array.isArray(value)) {
    return value.flatMap((item, i) => shapeProblems(item, shape.items ?? {}, check, `${path}[${i}]`));
  }
  return typeof value === "object" ? objectProblems(value as Record<string, unknown>, shape, check, path) : [];
}

function objectProblems(value: Record<string, unknown>, shape: Shape, check: Check, path: string): string[] {
  const { properties = {}, additionalProperties, required = [] } = shape;
  const missing = check.strict ? required.filter((name) => !(name in value)) : [];
  const inner = Object.entries(value).flatMap(([name, member]) => {
    const at = path === "" ? name : `${path}.${name}`;
    const expected = properties[name] ?? additionalProperties;
    if (expected) return shapeProblems(member, expected, check, at);
    return check.strict && shape.properties ? [`${at}: not in the specification`] : [];
  });
  return [...missing.map((name) => `${path}.${name}: missing`), ...inner];
}

function definitionOf(ref: string, definitions: Definitions): Shape {
  return definitions[ref.slice(ref.lastIndexOf("/") + 1)] ?? {};
}

/** One object shape out of the parts of an allOf. */
function mergeAll(shape: Shape, definitions: Definitions): Shape {
  const parts = (shape.allOf ?? []).map((part) => {
    const whole = part.$ref ? definitionOf(part.$ref, definitions) : part;
    return whole.allOf ? mergeAll(whole, definitions) : whole;
  });
  const properties = Object.assign({}, ...parts.map((part) => part.properties ?? {}), shape.properties ?? {});
  const simple = parts.length === 1 && !parts[0]!.properties ? parts[0]! : { type: "object", properties };
  return simple;
}

function fitsType(value: unknown, { type, properties }: Shape): boolean {
  switch (type) {
    case "string":
      return typeof value === "string";
    case "boolean":
      return typeof value === "boolean";
    case "integer":
      return typeof value === "number" && Number.isInteger(value) && Math.abs(value) <= 2 ** 63;
    case "number":
      return typeof value === "number";
    case "array":
      return Array.isArray(value);
    case "object":
      return typeof value === "object" && !Array.isArray(value);
    default:
      return properties === undefined || (typeof value === "object" && !Array.isArray(value));
  }
}

const typeName = (value: unknown): string => (Array.isArray(value) ? "array" : typeof value);
