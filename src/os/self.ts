/** Where a compiled program finds its own entry file. */
const compiledRoot = "/$bunfs/";

/** How this program's processes are listed. */
export const ownName = "isle";

/** The file this process runs, even after an upgrade put another in its place. */
const thisExecutable = "/proc/self/exe";

/**
 * The command line that runs this program again: the executable alone when compiled, else the interpreter and the
 * entry file of the sources.
 */
export function selfCommand(): { readonly program: string; readonly args: readonly string[] } {
  const compiled = process.argv[1]?.startsWith(compiledRoot) ?? false;
  return { program: thisExecutable, args: compiled ? [] : [sourceEntry()] };
}

/** Tests have other entry files; the program's own lies one directory up. */
function sourceEntry(): string {
  return new URL("../main.ts", import.meta.url).pathname;
}
