import { invalid } from "./error.ts";

/** An OCI platform, architecture by Go's names. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string | undefined;
}

const architectures: Record<string, string> = {
  x64: "amd64",
  x86_64: "amd64",
  "x86-64": "amd64",
  aarch64: "arm64",
  armhf: "arm",
  armv7l: "arm",
  i386: "386",
  i686: "386",
  ia32: "386",
};

/** Architectures that stand for Linux on them. */
const known = new Set(
  "386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x sparc64 wasm".split(" "),
);

export const normalArchitecture = (name: string): string => architectures[name.toLowerCase()] ?? name.toLowerCase();

/** The platform this process runs on. */
export const hostPlatform = (): Platform => ({ os: "linux", architecture: normalArchitecture(process.arch) });

/** Reads `linux/amd64`, `linux/arm/v7` or `arm64`. */
export function parsePlatform(text: string): Platform {
  const parts = text.toLowerCase().split("/");
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/.test(part))) {
    throw invalid(`"${text}" is an invalid platform: want os/architecture[/variant]`);
  }
  if (parts.length === 1) {
    if (parts[0] === "linux") return hostPlatform();
    const architecture = normalArchitecture(parts[0]!);
    if (!known.has(architecture)) throw invalid(`"${text}": unknown operating system or architecture`);
    return { os: "linux", architecture };
  }
  return { os: parts[0]!, architecture: normalArchitecture(parts[1]!), variant: parts[2] };
}

export const formatPlatform = ({ os, architecture, variant }: Platform): string =>
  [os, architecture, variant].filter((part) => part).join("/");

/** True when an image for `have` runs where `want` is asked for. An unset variant matches any. */
export function platformMatches(want: Platform, have: Platform): boolean {
  const variantFits = !want.variant || !have.variant || want.variant === have.variant;
  return want.os === have.os && want.architecture === normalArchitecture(have.architecture) && variantFits;
}
