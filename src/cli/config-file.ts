import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { isErrno, messageOf } from "../base/error.ts";
import { usageError } from "./exit.ts";

type Env = Readonly<Record<string, string | undefined>>;

/** Credentials of one registry as config.json keeps them; `auth` is base64 of `user:password`. */
interface StoredAuth {
  readonly auth?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

/** The parts of config.json that are used; the rest is kept as it is. */
export interface ConfigData {
  auths?: Record<string, StoredAuth>;
  credsStore?: string;
  credHelpers?: Record<string, string>;
  detachKeys?: string;
  psFormat?: string;
  imagesFormat?: string;
  statsFormat?: string;
  networksFormat?: string;
  volumesFormat?: string;
  HttpHeaders?: Record<string, string>;
  proxies?: Record<string, Record<string, string>>;
}

export interface ConfigFile {
  readonly path: string;
  readonly data: ConfigData;
}

/** The directory shared with docker unless ISLE_CONFIG or DOCKER_CONFIG says otherwise. */
export function configDirectory(flag: string, env: Env): string {
  return flag || env["ISLE_CONFIG"] || env["DOCKER_CONFIG"] || `${env["HOME"] ?? "/root"}/.docker`;
}

/** A missing file is an empty one; a broken one is an error. */
export function readConfigFile(directory: string): ConfigFile {
  const path = `${directory}/config.json`;
  try {
    return { path, data: JSON.parse(readFileSync(path, "utf8")) as ConfigData };
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return { path, data: {} };
    throw usageError(`cannot read ${path}: ${messageOf(error)}`);
  }
}

/** Replaces the file in one step, readable by its owner only. */
export function writeConfigFile({ path, data }: ConfigFile): void {
  const directory = path.slice(0, path.lastIndexOf("/"));
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, `${JSON.stringify(data, undefined, "\t")}\n`, { mode: 0o600, flag: "wx" });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
