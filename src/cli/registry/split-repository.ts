import { parseReference } from "../../base/reference.ts";
import { usageError } from "../exit.ts";

/** The repository and tag of a name an image shall get; both empty for no name. */
export function splitRepository(name: string): { repo: string; tag: string } {
  if (name === "") return { repo: "", tag: "" };
  const reference = parseReference(name);
  if (reference.digest !== undefined) throw usageError(`cannot give an image a digest as its name: ${name}`);
  return { repo: `${reference.domain}/${reference.path}`, tag: reference.tag ?? "latest" };
}
