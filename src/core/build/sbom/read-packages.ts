import type { SoftwarePackage } from "./package.ts";

/** Files of an image that tell of packages, by their paths without a leading slash. */
export function packageFileKind(path: string): "dpkg" | "apk" | "npm-package" | "npm-lock" | undefined {
  if (path === "var/lib/dpkg/status") return "dpkg";
  // Images without a package manager keep a record for each package.
  if (/^var\/lib\/dpkg\/status\.d\/[^/]+$/.test(path) && !path.endsWith(".md5sums")) return "dpkg";
  if (path === "lib/apk/db/installed" || path === "usr/lib/apk/db/installed") return "apk";
  if (/(^|\/)node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(path)) return "npm-package";
  if (/(^|\/)(package-lock|npm-shrinkwrap)\.json$/.test(path) && !/(^|\/)node_modules\//.test(path)) return "npm-lock";
  return undefined;
}

/** The packages that a file tells of; none where it is not what its name says. */
export function readPackages(path: string, text: string): SoftwarePackage[] {
  switch (packageFileKind(path)) {
    case "dpkg":
      return dpkgPackages(path, text);
    case "apk":
      return apkPackages(path, text);
    case "npm-package":
      return npmPackage(path, parseJson(text));
    case "npm-lock":
      return npmLock(path, parseJson(text));
    default:
      return [];
  }
}

/** Paragraphs of `Field: value`, with lines that go on indented; what was removed leaves its configuration and a record. */
function dpkgPackages(source: string, text: string): SoftwarePackage[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const fields = new Map<string, string>();
    for (const line of paragraph.split("\n")) {
      const [, name, value] = /^([A-Za-z-]+):[ \t]*(.*)$/.exec(line) ?? [];
      if (name !== undefined) fields.set(name.toLowerCase(), value ?? "");
    }
    const status = fields.get("status");
    const isInstalled = status === undefined || status.endsWith(" installed");
    const [name, version] = [fields.get("package"), fields.get("version")];
    if (!name || !version || !isInstalled) return [];
    return [
      {
        ...{ type: "deb" as const, name, version, license: "", source },
        architecture: fields.get("architecture") ?? "",
        maintainer: fields.get("maintainer") ?? "",
      },
    ];
  });
}

/** Paragraphs of one letter and a value. */
function apkPackages(source: string, text: string): SoftwarePackage[] {
  return text.split(/\n\n+/).flatMap((paragraph) => {
    const field = (letter: string): string => new RegExp(`^${letter}:(.*)$`, "m").exec(paragraph)?.[1] ?? "";
    const [name, version] = [field("P"), field("V")];
    if (!name || !version) return [];
    const more = { architecture: field("A"), license: field("L"), maintainer: field("m") };
    return [{ type: "apk" as const, name, version, ...more, source }];
  });
}

type Json = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function parseJson(text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function npmPackage(source: string, { name, version, license }: Json): SoftwarePackage[] {
  if (typeof name !== "string" || typeof version !== "string" || !name || !version) return [];
  const kind = isObject(license) ? license["type"] : license;
  const more = { architecture: "", license: typeof kind === "string" ? kind : "", maintainer: "" };
  return [{ type: "npm", name, version, ...more, source }];
}

/** Versions 2 and 3 list packages by their paths, version 1 nests dependencies. */
function npmLock(source: string, { packages, dependencies }: Json): SoftwarePackage[] {
  if (isObject(packages)) {
    return Object.entries(packages).flatMap(([path, value]) => {
      const name = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(path)?.[1];
      if (name === undefined || !isObject(value) || value["link"] === true) return [];
      return npmPackage(source, { name, ...value });
    });
  }
  return isObject(dependencies) ? nested(source, dependencies, 0) : [];
}

const maxDepth = 100;

function nested(source: string, dependencies: Json, depth: number): SoftwarePackage[] {
  if (depth > maxDepth) return [];
  return Object.entries(dependencies).flatMap(([name, value]) => {
    if (!isObject(value)) return [];
    const below = isObject(value["dependencies"]) ? nested(source, value["dependencies"], depth + 1) : [];
    return [...npmPackage(source, { name, version: value["version"] }), ...below];
  });
}
