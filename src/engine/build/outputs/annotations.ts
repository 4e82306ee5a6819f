import { invalid } from "../../../base/error.ts";
import { formatPlatform, type Platform, parsePlatform } from "../../../base/platform.ts";

const levels = ["manifest", "index", "manifest-descriptor", "index-descriptor"] as const;
type Level = (typeof levels)[number];

/** A word about an image that stands in the documents which describe it. */
export interface Annotation {
  readonly level: Level;
  /** Of the one image for this platform; undefined for all. */
  readonly platform: Platform | undefined;
  readonly key: string;
  readonly value: string;
}

/** Those among an output's attributes: `annotation.KEY`, `annotation-LEVEL.KEY`, `annotation-LEVEL[PLATFORM].KEY`. */
export function parseAnnotations(attributes: Readonly<Record<string, string>>): Annotation[] {
  return Object.entries(attributes).flatMap(([name, value]) => {
    const [, level = "manifest", platform, key] = attributePattern.exec(name) ?? [];
    if (key === undefined) return [];
    const known = levels.find((each) => each === level);
    if (!known) throw invalid(`unrecognized annotation type ${level}`, { hint: `one of ${levels.join(", ")}` });
    return [{ level: known, platform: platform ? parsePlatform(platform) : undefined, key, value }];
  });
}

const attributePattern = /^annotation(?:-([a-z-]+))?(?:\[([A-Za-z0-9_/-]+)\])?\.(\S+)$/;
export const isAnnotation = (name: string): boolean => attributePattern.test(name);

/** Refuses annotations that would be nowhere. */
export function checkAnnotations(
  annotations: readonly Annotation[],
  { platforms, isIndex }: { readonly platforms: readonly Platform[]; readonly isIndex: boolean },
): void {
  if (!isIndex && annotations.some(({ level }) => isOfIndex(level))) {
    throw invalid("index annotations not supported for single platform export", {
      hint: "annotate the manifest, or build for several platforms or with attestations",
    });
  }
  const built = new Set(platforms.map(formatPlatform));
  const absent = annotations.find(({ level, platform }) => {
    return platform && !isOfIndex(level) && !built.has(formatPlatform(platform));
  });
  if (absent) {
    throw invalid(`invalid annotation: no platform ${formatPlatform(absent.platform!)} found in source`, {
      hint: `the build is for ${[...built].join(", ")}`,
    });
  }
}

const isOfIndex = (level: Level): boolean => level.startsWith("index");

/** Those of a document, by key, as its member; nothing where there are none. A platform's own go before those for all. */
export function annotationsAt(
  annotations: readonly Annotation[],
  level: Level,
  platform?: Platform,
): { annotations?: Readonly<Record<string, string>> } {
  const isOwn = (each: Annotation): boolean => {
    return isOfIndex(level) || (each.platform !== undefined && samePlatform(each.platform, platform));
  };
  const here = annotations.filter((each) => each.level === level && (each.platform === undefined || isOwn(each)));
  if (here.length === 0) return {};
  const ordered = [...here.filter((each) => !each.platform), ...here.filter((each) => each.platform)];
  const byKey = new Map(ordered.map(({ key, value }) => [key, value]));
  return { annotations: Object.fromEntries([...byKey].sort(([a], [b]) => (a < b ? -1 : 1))) };
}

const samePlatform = (one: Platform, other: Platform | undefined): boolean =>
  other !== undefined && formatPlatform(one) === formatPlatform(other);
