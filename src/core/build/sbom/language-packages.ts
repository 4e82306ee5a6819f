import type { SoftwarePackage } from "./package.ts";

const bare = { architecture: "", license: "", maintainer: "" };

/** Headers of a mail that say what a distribution of Python's is; what follows the first empty line is for people. */
export function pythonPackage(source: string, text: string): SoftwarePackage[] {
  const fields = new Map<string, string>();
  for (const line of text.slice(0, 64 << 10).split(/\r?\n/)) {
    if (line === "") break;
    const [, name, value] = /^([A-Za-z-]+): ?(.*)$/.exec(line) ?? [];
    if (name !== undefined && !fields.has(name.toLowerCase())) fields.set(name.toLowerCase(), value!.trim());
  }
  const field = (name: string): string => fields.get(name) ?? "";
  const [name, version] = [field("name"), field("version")];
  if (!name || !version) return [];
  const author = field("maintainer-email") || field("author-email");
  const more = { license: field("license-expression") || field("license"), maintainer: author };
  return [{ ...bare, type: "pypi", name, version, ...more, source }];
}

/** The line that RubyGems writes for itself, `# stub: NAME VERSION PLATFORM PATHS`, and the licence of the rest. */
export function gemPackage(source: string, text: string): SoftwarePackage[] {
  const head = text.slice(0, 64 << 10);
  const stub = /^# stub: (\S+) (\S+) /m.exec(head);
  const name = stub?.[1] ?? /^\s*s\.name\s*=\s*"([^"]+)"/m.exec(head)?.[1];
  const version = stub?.[2] ?? /^\s*s\.version\s*=\s*"([^"]+)"/m.exec(head)?.[1];
  if (!name || !version) return [];
  const license = /^\s*s\.licenses?\s*=\s*\[?"([^"]+)"/m.exec(head)?.[1] ?? "";
  return [{ ...bare, type: "gem", name, version, license, source }];
}

/** Tables `[[package]]` with a name and a version each. */
export function cargoPackages(source: string, text: string): SoftwarePackage[] {
  const packages: SoftwarePackage[] = [];
  let name = "";
  let isPackage = false;
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("[")) {
      isPackage = line === "[[package]]";
      name = "";
    }
    if (!isPackage) continue;
    const [, key, value] = /^(name|version) = "([^"]*)"$/.exec(line) ?? [];
    if (key === "name") name = value!;
    else if (key === "version" && name && value) {
      packages.push({ ...bare, type: "cargo", name, version: value, source });
    }
  }
  return packages;
}

type Json = Readonly<Record<string, unknown>>;

/** What Composer has installed: a list, or an object with one. */
export function composerPackages(source: string, document: unknown): SoftwarePackage[] {
  const list = Array.isArray(document) ? document : (document as { packages?: unknown } | null)?.packages;
  if (!Array.isArray(list)) return [];
  return list.flatMap((each: Json | null) => {
    const { name, version, license } = each ?? {};
    if (typeof name !== "string" || typeof version !== "string" || !name || !version) return [];
    const licenses = Array.isArray(license) ? license.filter((one) => typeof one === "string") : [];
    return [{ ...bare, type: "composer" as const, name, version, license: licenses.join(" OR "), source }];
  });
}

/** `pom.properties` of Maven, which a jar has for each artifact in it. */
export function mavenPackage(source: string, text: string): SoftwarePackage[] {
  const value = (key: string): string =>
    text
      .split(/\r?\n/)
      .find((line) => line.startsWith(`${key}=`))
      ?.slice(key.length + 1)
      .trim() ?? "";
  const [group, artifact, version] = [value("groupId"), value("artifactId"), value("version")];
  if (!group || !artifact || !version) return [];
  return [{ ...bare, type: "maven", name: `${group}/${artifact}`, version, source }];
}
