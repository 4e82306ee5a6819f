import { readTextIfPresent } from "../os/files.ts";
import { kernelRequirements } from "./kernel.ts";
import { programRequirements } from "./programs.ts";
import type { Requirement } from "./requirement.ts";

export interface Row extends Omit<Requirement, "look"> {
  readonly present: boolean;
  readonly detail: string;
}

export interface Examination {
  readonly system: string;
  /** Isle's tests run on this distribution. */
  readonly tested: boolean;
  readonly rows: readonly Row[];
  /** Debian packages that would bring what lacks, needed or optional. */
  readonly packages: readonly string[];
  /** Nothing needed lacks. */
  readonly ready: boolean;
}

const testedSystems = ["debian 12", "debian 13", "ubuntu 22.04", "ubuntu 24.04"];

/** Looks at this machine, and changes nothing. */
export function examine(): Examination {
  const rows = [...kernelRequirements, ...programRequirements].map(({ look, ...rest }) => ({ ...rest, ...look() }));
  const missing = rows.filter(({ present }) => !present);
  const packages = [...new Set(missing.flatMap(({ debianPackage }) => (debianPackage ? [debianPackage] : [])))];
  const { name, id } = operatingSystem();
  return {
    system: name,
    tested: testedSystems.includes(id),
    rows,
    packages,
    ready: missing.every(({ needed }) => !needed),
  };
}

function operatingSystem(): { name: string; id: string } {
  const text = readTextIfPresent("/etc/os-release") ?? "";
  const value = (key: string): string => new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  return { name: value("PRETTY_NAME") || "unknown", id: `${value("ID")} ${value("VERSION_ID")}` };
}
