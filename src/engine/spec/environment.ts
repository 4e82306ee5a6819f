export const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Environment of a process: the engine's own first, then the given ones; a later name replaces an earlier one. */
export function planEnvironment(given: readonly string[], base: readonly string[]): string[] {
  const byName = new Map<string, string>();
  for (const entry of [...base, ...given]) {
    const name = entry.split("=", 1)[0]!;
    // A bare name unsets what came before it.
    if (entry.includes("=")) byName.set(name, entry);
    else byName.delete(name);
  }
  return [...byName.values()];
}

export function instanceEnvironment(options: { hostname: string; tty: boolean; env: readonly string[] }): string[] {
  const hostname = options.hostname === "" ? [] : [`HOSTNAME=${options.hostname}`];
  const base = [`PATH=${defaultPath}`, ...hostname, ...(options.tty ? ["TERM=xterm"] : [])];
  return planEnvironment(options.env, base);
}
