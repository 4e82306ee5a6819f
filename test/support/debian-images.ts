import { createWriteStream, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createPackagesBootstrap } from "../../src/drivers/bootstrap/packages/packages-bootstrap.ts";
import type { TestDaemon } from "./daemon.ts";
import { persistently } from "./egress.ts";

/** The servers of the Compose projects, each from its Debian package. */
const packages = [
  ...["postgresql", "mariadb-server", "redis-server", "memcached", "docker-registry", "mosquitto", "mosquitto-clients"],
  ...["nginx-light", "php-cli", "php-mysql", "prometheus", "prometheus-node-exporter", "nodejs"],
  ...["python3", "python3-psycopg2", "curl", "busybox-static"],
];

/**
 * Gives a daemon the image `software`, with everything in it. Its files are made out here, since the daemon's own
 * network leads nowhere. `ISLE_SOFTWARE` names a file that keeps them from run to run, to save the minute it takes.
 */
export async function importSoftware(daemon: TestDaemon): Promise<void> {
  const kept = process.env["ISLE_SOFTWARE"];
  const file = kept ?? join(daemon.directory, "software.tar");
  if (!existsSync(file)) await makeDebianFiles(file, packages);
  const { exitCode, stderr } = await daemon.cli(["import", file, "software"], { timeoutMs: 180_000 });
  if (exitCode !== 0) throw new Error(`importing the software: ${stderr}`);
  if (!kept) rmSync(file);
}

/** Writes the files of a Debian with packages, as `isle image bootstrap` makes them. */
export async function makeDebianFiles(file: string, packages: readonly string[]): Promise<void> {
  const wanted = { name: "debian:bookworm", packages, date: new Date(), onLine: () => {} };
  await persistently(async () => {
    const { tar } = await createPackagesBootstrap().build(wanted);
    await pipeline(tar, createWriteStream(file));
  });
}
