import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The command line that runs this program again: the executable alone when compiled, else the interpreter and the
 * entry file of the sources.
 */
export function selfCommand(): { readonly program: string; readonly args: readonly string[] } {
  const here = fileURLToPath(import.meta.url);
  if (here.startsWith("/$bunfs/")) return { program: process.execPath, args: [] };
  return { program: process.execPath, args: [join(dirname(here), "..", "main.ts")] };
}
