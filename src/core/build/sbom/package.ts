/** One package that an image's own records tell of. */
export interface SoftwarePackage {
  readonly type: "deb" | "apk" | "rpm" | "npm" | "pypi" | "gem" | "cargo" | "composer" | "golang" | "maven";
  readonly name: string;
  readonly version: string;
  /** Of rpm: goes before the version where versions are compared. */
  readonly epoch?: string;
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
export function packageUrl(each: SoftwarePackage, { id, version: release }: Distribution): string {
  const { type, version, architecture, epoch } = each;
  const distributor = distributors[type];
  const namespace = distributor === undefined ? "" : `${part(id || distributor)}/`;
  const bare = urlName(each).split("/").map(part).join("/");
  const qualifiers = [
    ...(architecture ? [`arch=${part(architecture)}`] : []),
    ...(distributor !== undefined && id ? [`distro=${part(release ? `${id}-${release}` : id)}`] : []),
    ...(epoch ? [`epoch=${part(epoch)}`] : []),
  ];
  return `pkg:${type}/${namespace}${bare}@${part(version)}${qualifiers.length > 0 ? `?${qualifiers.join("&")}` : ""}`;
}

const part = (text: string): string => encodeURIComponent(text).replaceAll("%3A", ":").replaceAll("%2B", "+");

/** Packages of a distribution, with the one that is meant where the image does not say its own. */
const distributors: Readonly<Partial<Record<SoftwarePackage["type"], string>>> = {
  deb: "debian",
  apk: "alpine",
  rpm: "redhat",
};

/** Some kinds of packages are the same however they are written. */
function urlName({ type, name }: SoftwarePackage): string {
  if (type === "pypi") return name.toLowerCase().replaceAll("_", "-");
  return type === "golang" || type === "composer" ? name.toLowerCase() : name;
}
