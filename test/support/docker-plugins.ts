import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { findPeers } from "../perf/engines.ts";
import type { TestDaemon } from "./daemon.ts";

/** Debian's buildx, as the set-up has fetched it. */
export const debianBuildx = join(import.meta.dirname, "../../.cache/docker-buildx/docker-buildx");

/** The newest plugins of Docker's client, where there is a root with peers. */
export const newestPlugins = join(findPeers()?.directory ?? "/none", "sid/usr/libexec/docker/cli-plugins");

/** The newest buildx there is. */
export const newestBuildx: string | undefined = [join(newestPlugins, "docker-buildx"), debianBuildx].find((path) =>
  existsSync(path),
);

/** Puts plugins, by their names, into a directory of configuration of Docker's client. */
export function installPlugins(config: string, programs: Readonly<Record<string, string>>): void {
  const plugins = join(config, "cli-plugins");
  mkdirSync(plugins, { recursive: true });
  for (const [name, path] of Object.entries(programs)) copyFileSync(path, join(plugins, name));
}

/** Gives the client that a test runs against its daemon a buildx. */
export const installBuildx = ({ directory }: Pick<TestDaemon, "directory">, path: string): void =>
  installPlugins(join(directory, "docker-config"), { "docker-buildx": path });
