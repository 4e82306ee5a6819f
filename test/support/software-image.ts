import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { request } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createPackagesBootstrap } from "../../src/drivers/bootstrap/packages/packages-bootstrap.ts";
import type { TestDaemon } from "./daemon.ts";

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
  if (kept && !existsSync(kept)) await pipeline(await softwareFiles(), createWriteStream(kept));
  await importImage(daemon, kept ? createReadStream(kept) : await softwareFiles());
}

async function softwareFiles(): Promise<Readable> {
  const { tar } = await createPackagesBootstrap().build({
    name: "debian:bookworm",
    packages,
    date: new Date(),
    onLine: () => {},
  });
  return Readable.from(tar, { objectMode: false });
}

async function importImage({ socket }: TestDaemon, files: Readable): Promise<void> {
  const path = "/images/create?fromSrc=-&repo=software&tag=latest";
  const sending = request({ socketPath: socket, method: "POST", path, headers: { Host: "isle" } });
  const answered = new Promise<string>((resolve, reject) => {
    sending.once("error", reject);
    sending.once(
      "response",
      (response) =>
        void Array.fromAsync(response as AsyncIterable<Buffer>).then(
          (chunks) => resolve(Buffer.concat(chunks).toString()),
          reject,
        ),
    );
  });
  await pipeline(files, sending);
  const said = await answered;
  if (!/"status":"sha256:/.test(said)) throw new Error(`importing the software: ${said}`);
}
