import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A file of a build context: its text, or what else it is. */
export type ContextFile = string | { readonly text?: string; readonly mode?: number; readonly link?: string };

export interface CorpusBuild {
  readonly name: string;
  readonly dockerfile: string;
  readonly files?: Readonly<Record<string, ContextFile>>;
  /** Flags of `docker build`, the same for `isle build`. */
  readonly flags?: readonly string[];
  /** It has linked copies, for which BuildKit merges layers. */
  readonly merges?: boolean;
  /** Why BuildKit cannot build it. */
  readonly notInBuildKit?: string;
  /** A shell line that is run in the image, and what it prints. */
  readonly run: string;
  readonly prints: string;
}

export const lines = (...text: string[]): string => `${text.join("\n")}\n`;
/** A context with a bit of everything. */
export const tree = {
  "src/a.txt": "a\n",
  "src/b.md": "b\n",
  "src/deep/c.txt": "c\n",
  "src/deep/d.md": "d\n",
  "top.txt": "top\n",
};

/** Writes a build's Dockerfile and files. */
export function writeContext(directory: string, { dockerfile, files = {} }: CorpusBuild): void {
  mkdirSync(directory, { recursive: true });
  for (const [path, file] of Object.entries({ Dockerfile: dockerfile, ...files })) {
    const target = join(directory, path);
    mkdirSync(dirname(target), { recursive: true });
    const {
      text = "",
      mode = 0o644,
      link,
    }: Exclude<ContextFile, string> = typeof file === "string" ? { text: file } : file;
    if (link !== undefined) symlinkSync(link, target);
    else {
      writeFileSync(target, text);
      chmodSync(target, mode);
    }
  }
}
