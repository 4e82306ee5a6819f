import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { IsleError, invalid, isErrno } from "../base/error.ts";
import type { OciSpec } from "../core/oci-spec.ts";

export interface Hook {
  readonly path: string;
  readonly args?: string[];
  readonly env?: string[];
  readonly timeout?: number;
}

export interface RuntimeSpec extends OciSpec {
  readonly hooks?: Readonly<Record<string, Hook[] | undefined>>;
}

/** The configuration of a bundle. */
export function readSpec(bundle: string): RuntimeSpec {
  let spec: RuntimeSpec;
  try {
    spec = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8")) as RuntimeSpec;
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) throw invalid(`no config.json in ${bundle}`, { cause });
    throw new IsleError("invalid", `config.json in ${bundle} cannot be read`, { cause });
  }
  if (!spec.process?.args?.length) throw invalid("config.json: process.args is empty");
  if (!spec.linux) throw invalid("config.json: linux is missing");
  // A root that is not absolute is below the bundle.
  return { ...spec, root: { ...spec.root, path: resolve(bundle, spec.root.path) } };
}
