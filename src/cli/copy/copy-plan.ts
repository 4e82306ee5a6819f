import { posix } from "node:path";
import { usageError } from "../exit.ts";

export interface CopySource {
  /** As written: a trailing `/.` means what is in the directory. */
  readonly path: string;
  readonly isDirectory: boolean;
}

export interface CopyTarget {
  /** As written: a trailing `/` means that it must be a directory. */
  readonly path: string;
  readonly exists: boolean;
  readonly isDirectory: boolean;
}

export interface CopyPlan {
  /** The directory the archive is unpacked in. */
  readonly directory: string;
  /** The archive's first name and the one it shall get. */
  readonly rename: { readonly from: string; readonly to: string } | undefined;
}

const namesDirectory = (path: string): boolean => path.endsWith("/") || path.endsWith("/.") || path === ".";

/** Where a copy lands and under which name, by the rules of cp. Throws Exit where they do not fit. */
export function copyPlan(source: CopySource, target: CopyTarget): CopyPlan {
  if (!source.isDirectory && namesDirectory(source.path)) throw usageError(`not a directory: ${source.path}`);
  if (target.exists && target.isDirectory) return { directory: target.path, rename: undefined };
  if (target.exists && namesDirectory(target.path)) throw usageError(`not a directory: ${target.path}`);
  if (target.exists && source.isDirectory) throw usageError("cannot copy directory");
  if (!target.exists && !source.isDirectory && namesDirectory(target.path)) {
    throw usageError(`no such directory: ${target.path}`);
  }
  const full = posix.normalize(target.path).replace(/(.)\/$/, "$1");
  return {
    directory: posix.dirname(full),
    rename: { from: firstName(source.path), to: posix.basename(full) },
  };
}

/** The name that an archive of a path begins with. */
export function firstName(path: string): string {
  if (path === "." || path.endsWith("/.")) return ".";
  return posix.basename(path) || "/";
}

/** The name of an entry after the rename. */
export function renamed(name: string, rename: CopyPlan["rename"]): string {
  if (rename === undefined) return name;
  const { from, to } = rename;
  if (from === "." || from === "/") {
    const inside = name.replace(/^(\.?\/)+/, "");
    return inside === "" || inside === "." ? to : `${to}/${inside}`;
  }
  const bare = name.replace(/^(\.?\/)+/, "");
  return bare === from || bare.startsWith(`${from}/`) ? `${to}${bare.slice(from.length)}` : name;
}

/** A path of a container as `NAME:PATH`; undefined for a path of this machine. */
export function containerPath(text: string): { container: string; path: string } | undefined {
  const colon = text.indexOf(":");
  if (colon <= 0 || text.startsWith("/") || text.slice(0, colon).includes("/") || text.startsWith("."))
    return undefined;
  return { container: text.slice(0, colon), path: text.slice(colon + 1) };
}
