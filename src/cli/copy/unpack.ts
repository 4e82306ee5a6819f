import { chmod, link, lstat, lutimes, mkdir, open, rm, symlink, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { TarEntry } from "../../base/tar/entry.ts";
import { cleanName, printable } from "../../base/tar/name.ts";
import { readTar } from "../../base/tar/read-tar.ts";
import { usageError } from "../exit.ts";
import { type CopyPlan, renamed } from "./copy-plan.ts";

/**
 * Unpacks an archive from a container, which is not trusted: nothing is written outside of the plan's directory,
 * nor through a symbolic link that the archive itself brought.
 */
export async function unpack(archive: AsyncIterable<Uint8Array>, { directory, rename }: CopyPlan): Promise<void> {
  const symlinks = new Set<string>();
  const directories: { path: string; entry: TarEntry }[] = [];
  for await (const { entry, body } of readTar(archive)) {
    const name = entryName(entry.name, rename);
    refuseLinkedParent(name, symlinks);
    const path = join(directory, name);
    if (entry.type === "directory") {
      await makeDirectory(path);
      directories.push({ path, entry });
      continue;
    }
    await mkdir(dirname(path), { recursive: true });
    await removeExisting(path);
    if (entry.type === "symlink") symlinks.add(name);
    await writeEntry({ path, entry, body, linked: () => join(directory, linkTarget(entry, { rename, symlinks })) });
  }
  for (const { path, entry } of directories.reverse()) await setAttributes(path, entry);
}

const entryName = (name: Uint8Array, rename: CopyPlan["rename"]): string =>
  cleanName(Buffer.from(renamed(Buffer.from(name).toString(), rename))).toString();

function refuseLinkedParent(name: string, symlinks: ReadonlySet<string>): void {
  const parts = name.split("/");
  const through = parts.some((_, index) => index > 0 && symlinks.has(parts.slice(0, index).join("/")));
  if (through) throw usageError(`refused to write ${name} through a symbolic link of the archive`);
}

function linkTarget(
  entry: TarEntry,
  { rename, symlinks }: { rename: CopyPlan["rename"]; symlinks: Set<string> },
): string {
  const target = entryName(entry.linkName, rename);
  refuseLinkedParent(target, symlinks);
  return target;
}

async function makeDirectory(path: string): Promise<void> {
  const existing = await lstat(path).catch(() => undefined);
  if (existing?.isSymbolicLink()) return;
  if (existing !== undefined && !existing.isDirectory())
    throw usageError(`cannot overwrite non-directory ${path} with a directory`);
  await mkdir(path, { recursive: true });
}

async function removeExisting(path: string): Promise<void> {
  const existing = await lstat(path).catch(() => undefined);
  if (existing?.isDirectory()) throw usageError(`cannot overwrite directory ${path} with a file`);
  if (existing !== undefined) await rm(path);
}

interface Writing {
  readonly path: string;
  readonly entry: TarEntry;
  readonly body: AsyncIterable<Uint8Array>;
  /** The path a hard link leads to. */
  readonly linked: () => string;
}

async function writeEntry({ path, entry, body, linked }: Writing): Promise<void> {
  if (entry.type === "symlink") {
    await symlink(Buffer.from(entry.linkName), path);
    await lutimes(path, seconds(entry), seconds(entry));
  } else if (entry.type === "hardLink") await link(linked(), path);
  else if (entry.type === "file") {
    await writeContent(path, body);
    await setAttributes(path, entry);
  } else
    throw usageError(
      `cannot copy the ${entry.type} ${printable(entry.name)}: only files, directories and links can be`,
    );
}

async function writeContent(path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const chunk of body) await file.writeFile(chunk);
  } finally {
    await file.close();
  }
}

async function setAttributes(path: string, entry: TarEntry): Promise<void> {
  await chmod(path, entry.mode);
  await utimes(path, seconds(entry), seconds(entry));
}

const seconds = ({ modifiedNanos }: TarEntry): number => Number(modifiedNanos / 1000n) / 1e6;
