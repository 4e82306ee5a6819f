import { statSync } from "node:fs";
import { csvFields } from "../create/mounts.ts";
import { usageError } from "../exit.ts";
import { readAnnotations } from "./annotations.ts";

/** One output: what the engine is asked for, and where on this machine it goes. */
export interface Output {
  readonly type: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** What comes to this machine; `-` is standard output, `layout` a directory that keeps OCI images by their tags. */
  readonly target: { readonly kind: "directory" | "layout" | "file"; readonly path: string } | undefined;
}

interface OutputWishes {
  readonly output: readonly string[];
  readonly push: boolean;
  readonly load: boolean;
  readonly annotation: readonly string[];
}

/** The outputs that the flags ask for; none when the image just goes to the engine's store. */
export function readOutputs(wishes: OutputWishes, { terminal }: { terminal: boolean }): Output[] {
  const { output, push, load } = wishes;
  const given = output.filter((text) => text !== "").map(readOutput);
  const outputs = given.map((each) => (push && each.type === "image" ? pushed(each) : each));
  if (push && !outputs.some(isPushed)) outputs.push({ type: "registry", attributes: {}, target: undefined });
  const loads = outputs.some(({ type, target }) => (type === "image" && !target) || type === "registry");
  if (load && !loads) outputs.push({ type: "image", attributes: {}, target: undefined });
  const onStdout = outputs.filter(({ target }) => target?.path === "-");
  if (onStdout.length > 1) throw usageError("multiple outputs configured to write to stdout");
  if (onStdout.length > 0 && terminal) {
    throw usageError(
      `dest file is required for ${onStdout[0]!.type} exporter. refusing to write to console: add dest=FILE or redirect`,
    );
  }
  return annotated(outputs, readAnnotations(wishes.annotation));
}

/** Every image has the annotations; without another output, the one in the engine's store. */
function annotated(outputs: readonly Output[], annotations: Record<string, string>): Output[] {
  if (Object.keys(annotations).length === 0) return [...outputs];
  const all = outputs.length > 0 ? outputs : [{ type: "image", attributes: {}, target: undefined }];
  const isImage = ({ type }: Output): boolean => ["image", "registry", "oci", "docker"].includes(type);
  if (!all.some(isImage)) throw usageError("annotations are of images, and no output is one");
  return all.map((each) => (isImage(each) ? { ...each, attributes: { ...annotations, ...each.attributes } } : each));
}

const pushed = (output: Output): Output => ({ ...output, attributes: { ...output.attributes, push: "true" } });
export const isPushed = ({ type, attributes }: Output): boolean => type === "registry" || attributes["push"] === "true";

/** `type=local,dest=DIR`, or a directory alone, or `-` for a tar archive on standard output. */
function readOutput(text: string): Output {
  const fields = csvFields(text);
  if (fields.length === 1 && !text.includes("=")) {
    return text === "-" ? toFile("tar", {}, "-") : toDirectory({ type: "local", attributes: {}, layout: false }, text);
  }
  const { type, dest = "", ...attributes } = Object.fromEntries(fields.map((field) => readField(text, field)));
  switch (type) {
    case undefined:
    case "":
      throw usageError(`type is required for output: ${text}`);
    case "local":
      return toDirectory({ type, attributes, layout: false }, dest);
    case "tar":
      return toFile(type, attributes, dest || "-");
    case "oci":
    case "docker":
      if (attributes["tar"] === "false") return toDirectory({ type, attributes, layout: true }, dest);
      if (type === "oci") return toFile(type, attributes, dest || "-");
      // Without a file, the engine's own store is where the image goes.
      return dest === "" ? { type: "image", attributes, target: undefined } : toFile(type, attributes, dest);
    default:
      if (dest !== "") throw usageError(`dest is not a setting of the output ${type}`);
      return { type, attributes, target: undefined };
  }
}

function readField(text: string, field: string): [name: string, value: string] {
  const at = field.indexOf("=");
  if (at === -1) throw usageError(`invalid value ${field} in the output ${text}: want name=value`);
  return [field.slice(0, at).trim().toLowerCase(), field.slice(at + 1)];
}

function toDirectory(
  { type, attributes, layout }: Pick<Output, "type" | "attributes"> & { readonly layout: boolean },
  path: string,
): Output {
  if (path === "") throw usageError(`dest is required for ${type} exporter`);
  if (path === "-") throw usageError(`dest cannot be stdout for ${type} exporter`);
  if (kindOf(path) === "other") throw usageError(`destination directory ${path} is a file`);
  return { type, attributes, target: { kind: layout ? "layout" : "directory", path } };
}

function toFile(type: string, attributes: Output["attributes"], path: string): Output {
  if (path !== "-" && kindOf(path) === "directory") throw usageError(`destination file ${path} is a directory`);
  return { type, attributes, target: { kind: "file", path } };
}

function kindOf(path: string): "directory" | "other" | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return undefined;
  return found.isDirectory() ? "directory" : "other";
}
