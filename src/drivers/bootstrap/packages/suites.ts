/** A release of a distribution, and where its packages come from. */
export interface Suite {
  readonly distribution: "debian" | "ubuntu";
  readonly codename: string;
}

export const suites: Readonly<Record<string, Suite>> = {
  "debian:bookworm": { distribution: "debian", codename: "bookworm" },
  "debian:trixie": { distribution: "debian", codename: "trixie" },
  "ubuntu:jammy": { distribution: "ubuntu", codename: "jammy" },
  "ubuntu:noble": { distribution: "ubuntu", codename: "noble" },
};

const archives = {
  debian: {
    main: "http://deb.debian.org/debian",
    security: "http://deb.debian.org/debian-security",
    components: "main",
    keyring: "/usr/share/keyrings/debian-archive-keyring.gpg",
    keyringPackage: "debian-archive-keyring",
  },
  ubuntu: {
    main: "http://archive.ubuntu.com/ubuntu",
    security: "http://security.ubuntu.com/ubuntu",
    components: "main universe",
    keyring: "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
    keyringPackage: "ubuntu-keyring",
  },
} as const;

export const keyringOf = ({ distribution }: Suite): { file: string; package: string } => ({
  file: archives[distribution].keyring,
  package: archives[distribution].keyringPackage,
});

/** The apt sources of a suite, from the mirrors this machine uses where it has some for the distribution. */
export function aptSources({ distribution, codename }: Suite, machineMirrors: readonly string[]): string[] {
  const { components, ...official } = archives[distribution];
  const mirrorOf = (kind: "main" | "security"): string => {
    const path = new URL(official[kind]).pathname;
    return machineMirrors.find((mirror) => mirror.endsWith(path)) ?? official[kind];
  };
  return [
    `deb ${mirrorOf("main")} ${codename} ${components}`,
    `deb ${mirrorOf("main")} ${codename}-updates ${components}`,
    `deb ${mirrorOf("security")} ${codename}-security ${components}`,
  ];
}
