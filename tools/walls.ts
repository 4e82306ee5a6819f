/** Checks every import of src/ against the table of tools/walls-table.ts, and that no imports go in a circle. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseSync } from "oxc-parser";
import { pureModules, type Room, rooms } from "./walls-table.ts";

interface Import {
  readonly from: string;
  /** Path in the repository for a file of ours, else the module's name. */
  readonly to: string;
  readonly typeOnly: boolean;
  /** Loaded when it is needed. */
  readonly lazy: boolean;
}

const root = dirname(import.meta.dirname);
const files = globSync("src/**/*.ts", { cwd: root }).sort();
const modules = files.map((file) => ({ file, ...readModule(file) }));
const broken = [
  ...modules.flatMap(({ file, imports, usesBun }) => brokenWalls(file, imports, usesBun)),
  ...circles(new Map(modules.map(({ file, imports }) => [file, imports]))),
];
for (const line of broken) console.log(line);
console.log(
  `${files.length} files, ${modules.flatMap(({ imports }) => imports).length} imports, ${broken.length} broken`,
);
process.exit(broken.length === 0 ? 0 : 1);

function readModule(file: string): { imports: Import[]; usesBun: boolean } {
  const text = readFileSync(join(root, file), "utf8");
  const { module, comments } = parseSync(file, text);
  const imported = (request: string, typeOnly: boolean, lazy = false): Import => ({
    from: file,
    to: request.startsWith(".") ? relative(root, join(root, dirname(file), request)) : request,
    typeOnly,
    lazy,
  });
  const imports = [
    ...module.staticImports.map(({ moduleRequest, entries }) =>
      imported(moduleRequest.value, entries.length > 0 && entries.every(({ isType }) => isType)),
    ),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, isType }) => (moduleRequest ? [imported(moduleRequest.value, isType)] : [])),
    ),
    ...module.dynamicImports.map(({ moduleRequest }) =>
      imported(text.slice(moduleRequest.start + 1, moduleRequest.end - 1), false, true),
    ),
  ];
  const code = comments.reduceRight((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), text);
  return { imports, usesBun: /\bBun\./.test(code) };
}

/** Tests and contract suites may reach anything; so may the entry files directly in src/. */
function isFree(file: string): boolean {
  return /\.(test|contract)\.ts$/.test(file) || file.split("/").length === 2;
}

function brokenWalls(file: string, imports: readonly Import[], usesBun: boolean): string[] {
  if (isFree(file)) return [];
  const name = file.split("/")[1]!;
  const room = rooms[name];
  if (!room) return [`${file}: the room ${name} is not in tools/walls-table.ts`];
  const lines = usesBun && !room.touchesSystem ? [`${file}: uses Bun, which only rooms that touch the system may`] : [];
  for (const one of imports) {
    const reason = one.to.startsWith("src/") ? roomReason(name, room, one) : moduleReason(name, room, one.to);
    if (reason) lines.push(`${file}: imports ${one.to}: ${reason}`);
  }
  return lines;
}

function roomReason(name: string, room: Room, { from, to, typeOnly }: Import): string | undefined {
  const target = to.slice("src/".length);
  const isIn = (place: string): boolean => target.startsWith(`${place}/`);
  if (isIn(name)) {
    const driver = (path: string): string => path.split("/").slice(1, 4).join("/");
    return room.strangers && driver(from) !== driver(to) ? "drivers are strangers to each other" : undefined;
  }
  if (room.may.some(isIn)) return undefined;
  if (room.mayTypes?.some(isIn)) return typeOnly ? undefined : `${name} may import only types from there`;
  return `${name} may import ${[...room.may, ...(room.mayTypes ?? []).map((place) => `types of ${place}`)].join(", ") || "nothing"}`;
}

function moduleReason(name: string, room: Room, module: string): string | undefined {
  if (module.includes("package.json")) return undefined;
  if (room.pure && !pureModules.includes(module)) return `${name} is pure`;
  if ((module.startsWith("bun") || module === "node:child_process") && !room.touchesSystem)
    return "only rooms that touch the system may";
  return undefined;
}

/** Every circle of imports that the start of a module follows, once. */
function circles(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (file: string, way: readonly string[]): void => {
    const at = way.indexOf(file);
    if (at >= 0) found.push(`circle: ${[...way.slice(at), file].join(" → ")}`);
    if (at >= 0 || done.has(file)) return;
    for (const { to, typeOnly, lazy } of imports.get(file) ?? []) {
      if (!typeOnly && !lazy && imports.has(to)) visit(to, [...way, file]);
    }
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}
