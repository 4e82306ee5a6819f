import { templateFunctions } from "./functions.ts";
import { TemplateError } from "./lex.ts";
import { type Node, type Operand, type Pipeline, parseTemplate } from "./parse.ts";
import { isTrue, show } from "./values.ts";

/** A template ready to be run over values. */
export type Template = (data: unknown) => string;

/** Reads a template in Go's language. Throws TemplateError, here and when it is run. */
export function compileTemplate(text: string): Template {
  const nodes = parseTemplate(text);
  return (data) => {
    const scope: Scope = { dot: data, variables: new Map([["$", data]]), output: [] };
    run(nodes, scope);
    return scope.output.join("");
  };
}

interface Scope {
  readonly dot: unknown;
  readonly variables: Map<string, unknown>;
  readonly output: string[];
}

type Jump = "break" | "continue" | undefined;

function run(nodes: readonly Node[], scope: Scope): Jump {
  for (const node of nodes) {
    const jump = runNode(node, scope);
    if (jump !== undefined) return jump;
  }
  return undefined;
}

function runNode(node: Node, scope: Scope): Jump {
  switch (node.kind) {
    case "text":
      scope.output.push(node.text);
      return undefined;
    case "print":
      scope.output.push(show(evaluate(node.pipeline, scope)));
      return undefined;
    case "assign":
      scope.variables.set(node.name, evaluate(node.pipeline, scope));
      return undefined;
    case "if":
    case "with": {
      const value = evaluate(node.pipeline, scope);
      const inner = node.kind === "with" && isTrue(value) ? { ...scope, dot: value } : scope;
      return run(isTrue(value) ? node.body : node.otherwise, inner);
    }
    case "range":
      return runRange(node, scope);
    default:
      return node.kind;
  }
}

function runRange(node: Extract<Node, { kind: "range" }>, scope: Scope): Jump {
  const items = entriesOf(evaluate(node.pipeline, scope));
  if (items.length === 0) return run(node.otherwise, scope);
  const keyName = node.variables.length === 2 ? node.variables[0] : undefined;
  const valueName = node.variables.at(-1);
  for (const [key, value] of items) {
    if (keyName !== undefined) scope.variables.set(keyName, key);
    if (valueName !== undefined) scope.variables.set(valueName, value);
    if (run(node.body, { ...scope, dot: value }) === "break") break;
  }
  return undefined;
}

/** What a range walks over: a list with its positions, a map by sorted key, a number of times. */
function entriesOf(value: unknown): [unknown, unknown][] {
  if (Array.isArray(value)) return value.map((item, index) => [index, item]);
  if (typeof value === "number") return Array.from({ length: value }, (_, index) => [index, index]);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}

function evaluate(pipeline: Pipeline, scope: Scope): unknown {
  let value: unknown;
  pipeline.forEach((command, index) => {
    value = call(command, scope, index === 0 ? [] : [value]);
  });
  return value;
}

/** Runs one command of a pipeline; the result of the one before comes as the last argument. */
function call(command: readonly Operand[], scope: Scope, piped: readonly unknown[]): unknown {
  const [first, ...rest] = command;
  if (first!.kind !== "function") {
    const value = operandValue(first!, scope);
    if (typeof value === "function") return value(...rest.map((operand) => operandValue(operand, scope)), ...piped);
    if (rest.length > 0 || piped.length > 0) throw new TemplateError("can't give argument to non-function");
    return value;
  }
  const { name } = first as { name: string };
  if (name === "and" || name === "or") return shortCircuit(name, rest, { scope, piped });
  return apply(name, [...rest.map((operand) => operandValue(operand, scope)), ...piped]);
}

function shortCircuit(
  name: "and" | "or",
  operands: readonly Operand[],
  { scope, piped }: { scope: Scope; piped: readonly unknown[] },
): unknown {
  for (const operand of operands) {
    const value = operandValue(operand, scope);
    if (isTrue(value) === (name === "or")) return value;
    if (operand === operands.at(-1) && piped.length === 0) return value;
  }
  return piped[0];
}

function apply(name: string, args: unknown[]): unknown {
  const implementation = Object.hasOwn(templateFunctions, name) ? templateFunctions[name] : undefined;
  if (implementation === undefined) throw new TemplateError(`function "${name}" not defined`);
  return implementation(...args);
}

function operandValue(operand: Operand, scope: Scope): unknown {
  switch (operand.kind) {
    case "dot":
      return scope.dot;
    case "literal":
      return operand.value;
    case "variable":
      if (!scope.variables.has(operand.name)) throw new TemplateError(`undefined variable "${operand.name}"`);
      return scope.variables.get(operand.name);
    case "pipeline":
      return evaluate(operand.pipeline, scope);
    case "function":
      return apply(operand.name, []);
    default:
      return fieldsOf(operandValue(operand.of, scope), operand.names);
  }
}

/** Keys of maps whose own keys are the user's: one that is absent is no mistake. */
const freeMaps = new Set(["Labels", "Options", "Annotations", "Sysctls", "Config", "DriverOpts", "Networks", "Ports"]);

function fieldsOf(start: unknown, names: readonly string[]): unknown {
  let value = start;
  names.forEach((name, index) => {
    const owner = index === 0 ? "" : names[index - 1]!;
    value = fieldOf(value, name, freeMaps.has(owner));
  });
  return value;
}

function fieldOf(value: unknown, name: string, mayLack: boolean): unknown {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    if (name in value) return (value as Record<string, unknown>)[name];
    if (mayLack) return undefined;
    throw new TemplateError(`executing "" at <.${name}>: map has no entry for key "${name}"`);
  }
  if (mayLack && (value === null || value === undefined)) return undefined;
  if (value === null || value === undefined) throw new TemplateError(`nil data; no entry for key "${name}"`);
  const type = Array.isArray(value) ? "list" : typeof value;
  throw new TemplateError(`executing "" at <.${name}>: can't evaluate field ${name} in type ${type}`);
}
