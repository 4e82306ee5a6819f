/** One package that an image's own records tell of. */
export interface SoftwarePackage {
  readonly type: "deb" | "apk" | "npm";
  readonly name: string;
  readonly version: string;
  /** As the package manager calls it; empty where packages have none. */
  readonly architecture: string;
  readonly license: string;
  /** Whoever answers for the package, as the record has it. */
  readonly maintainer: string;
  /** Where the record was found. */
  readonly source: string;
}

/** Of /etc/os-release: the distribution that packages belong to. */
export interface Distribution {
  readonly id: string;
  readonly version: string;
}

export function parseOsRelease(text: string): Distribution {
  const value = (name: string): string => {
    const found = new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1] ?? "";
    return found.replace(/^(["'])(.*)\1$/, "$2");
  };
  return { id: value("ID"), version: value("VERSION_ID") };
}

/** The package's URL, by which scanners know it: https://github.com/package-url/purl-spec. */
export function packageUrl(
  { type, name, version, architecture }: SoftwarePackage,
  { id, version: release }: Distribution,
): string {
  const part = (text: string): string => encodeURIComponent(text).replaceAll("%3A", ":").replaceAll("%2B", "+");
  const bare = type === "npm" ? name.split("/").map(part).join("/") : part(name);
  const distributor = type === "npm" ? "" : `${part(id || defaultDistributor[type])}/`;
  const qualifiers = [
    ...(architecture ? [`arch=${part(architecture)}`] : []),
    ...(type !== "npm" && id ? [`distro=${part(release ? `${id}-${release}` : id)}`] : []),
  ];
  return `pkg:${type}/${distributor}${bare}@${part(version)}${qualifiers.length > 0 ? `?${qualifiers.join("&")}` : ""}`;
}

const defaultDistributor = { deb: "debian", apk: "alpine" } as const;
