import { createHash } from "node:crypto";
import { join } from "node:path";
import { IsleError } from "../../base/error.ts";
import { newId } from "../../base/id.ts";
import type { KnownHosts } from "../../core/git.ts";
import type { BuildDeps } from "./deps.ts";
import type { BuildRequest } from "./request.ts";

/** The secret with the keys of hosts, as ssh keeps them in its file known_hosts. */
const secretName = "GIT_SSH_KNOWN_HOSTS";

/**
 * Keys of hosts that repositories are read from over ssh. Where the client gives them, no others are taken. Else a host that the
 * machine does not know is taken at its word the first time in a build, which is told, and held to it until the build's end.
 */
export class HostKeys {
  readonly #tell: (message: string) => void;
  readonly #trusted = new Map<string, string>();

  constructor(tell: (message: string) => void) {
    this.#tell = tell;
  }

  async with<T>(
    { machine, settings }: BuildDeps,
    { secret }: Pick<BuildRequest, "secret">,
    work: (known: KnownHosts) => Promise<T>,
  ): Promise<T> {
    const given = await secret(secretName);
    const file = join(settings.paths.builds, `hosts-${newId()}`);
    const lines = [...this.#trusted].map(([name, key]) => `${name} ${key}`);
    machine.writeFile(file, given === undefined ? textOf(lines) : Buffer.concat([given, Buffer.from("\n")]));
    try {
      const result = await work({ file, onlyThese: given !== undefined });
      if (given === undefined) this.#learn(machine.readText(file) ?? "");
      return result;
    } finally {
      await machine.removeTree(file);
    }
  }

  #learn(text: string): void {
    for (const [, host, type, blob] of text.matchAll(/^(\S+) (\S+) (\S+)$/gm)) {
      const [name, key] = [`${host}`, `${type} ${blob}`];
      const before = this.#trusted.get(name);
      if (before === key) continue;
      if (before !== undefined) throw new IsleError("forbidden", `the key of ${name} is not the one it had before`);
      this.#trusted.set(name, key);
      this.#tell(`host key ${fingerprint(blob!)} of ${name} trusted: it was not known (secret ${secretName})`);
    }
  }
}

const textOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

/** As ssh-keygen shows it. */
export const fingerprint = (blob: string): string =>
  `SHA256:${createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64").replace(/=+$/, "")}`;
