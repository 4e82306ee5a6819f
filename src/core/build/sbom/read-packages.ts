import { cargoPackages, composerPackages, gemPackage, pythonPackage } from "./language-packages.ts";
import type { SoftwarePackage } from "./package.ts";

/** What tells of packages, by the paths of its files without a leading slash. */
interface Reader {
  readonly path: RegExp;
  readonly except?: RegExp;
  readonly read: (path: string, text: string) => SoftwarePackage[];
}

const readers: readonly Reader[] = [
  { path: /^var\/lib\/dpkg\/status$/, read: dpkgPackages },
  // Images without a package manager keep a record for each package.
  { path: /^var\/lib\/dpkg\/status\.d\/[^/]+$/, except: /\.md5sums$/, read: dpkgPackages },
  { path: /^(usr\/)?lib\/apk\/db\/installed$/, read: apkPackages },
  {
    path: /(^|\/)node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/,
    read: (path, text) => npmPackage(path, objectOf(parseJson(text))),
  },
  {
    path: /(^|\/)(package-lock|npm-shrinkwrap)\.json$/,
    except: /(^|\/)node_modules\//,
    read: (path, text) => npmLock(path, objectOf(parseJson(text))),
  },
  { path: /\.dist-info\/METADATA$/, read: pythonPackage },
  { path: /\.egg-info(\/PKG-INFO)?$/, read: pythonPackage },
  { path: /(^|\/)specifications\/(default\/)?[^/]+\.gemspec$/, read: gemPackage },
  { path: /(^|\/)Cargo\.lock$/, read: cargoPackages },
  { path: /(^|\/)composer\/installed\.json$/, read: (path, text) => composerPackages(path, parseJson(text)) },
];

const readerOf = (path: string): Reader | undefined =>
  readers.find((reader) => reader.path.test(path) && !reader.except?.test(path));

/** Whether a file of an image tells of packages in words. */
export const tellsOfPackages = (path: string): boolean => readerOf(path) !== undefined;

/** The packages that a file tells of; none where it is not what its name says. */
export const readPackages = (path: string, text: string): SoftwarePackage[] => readerOf(path)?.read(path, text) ?? [];

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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const objectOf = (value: unknown): Json => (isObject(value) ? value : {});

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
