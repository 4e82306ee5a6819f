/** The frontend that a Dockerfile names, and the line that does. */
export interface NamedSyntax {
  readonly image: string;
  readonly line: number;
}

/**
 * Reads `# syntax=IMAGE`, or `// syntax=` and `{"syntax": …}` of files in another language than Dockerfile's. What follows the
 * image is for its frontend.
 */
export function syntaxOf(text: string): NamedSyntax | undefined {
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  const first = lines[0]!.startsWith("#!") ? 1 : 0;
  for (const mark of ["#", "//"]) {
    for (let at = first; at < lines.length; at += 1) {
      const found = directiveOf(lines[at]!, mark);
      if (!found) break;
      if (found.name === "syntax") return { image: found.value.split(/\s/, 1)[0]!, line: at + 1 };
    }
  }
  const image = jsonSyntax(text);
  return image === undefined ? undefined : { image, line: 1 };
}

function directiveOf(line: string, mark: string): { name: string; value: string } | undefined {
  if (!line.startsWith(mark)) return undefined;
  const [, name, value] = /^\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(\S.*)$/.exec(line.slice(mark.length).trimEnd()) ?? [];
  return name === undefined ? undefined : { name: name.toLowerCase(), value: value! };
}

function jsonSyntax(text: string): string | undefined {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    const { syntax } = JSON.parse(text) as { syntax?: unknown };
    return typeof syntax === "string" ? syntax.split(/\s/, 1)[0] : undefined;
  } catch {
    return undefined;
  }
}

/** Docker's own frontend, of any version and from any registry, means the language that is built in. */
export const isBuiltInSyntax = (image: string): boolean =>
  /^(?:[^\s@]+\/)?docker\/dockerfile(?:-upstream)?(?::[\w.-]+)?(?:@[a-z0-9]+:[0-9a-f]+)?$/.test(image);
