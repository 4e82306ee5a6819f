/**
 * Runs in a guest whose kernel has project quotas, with a directory of a file system as its argument: makes volumes and
 * a root of 8 MiB there, and prints what a user without privileges could write to each.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { VolumeRecord } from "../../src/core/volume.ts";
import { MappedView } from "../../src/drivers/snapshot/overlay/mapped-view.ts";
import { makePlaces } from "../../src/drivers/snapshot/overlay/places.ts";
import { createRoots } from "../../src/drivers/snapshot/overlay/roots.ts";
import { createLocalVolumes } from "../../src/drivers/volume/local/local-volumes.ts";
import { confinedMain } from "../../src/os/confined/main.ts";

const [first = ""] = process.argv.slice(2);
if (first === "isle-confined") process.exit(await confinedMain());
console.log(`RESULT ${JSON.stringify({ at: first, ...(await volumes(first)), ...(await roots(first)) })}`);

async function volumes(at: string) {
  const driver = createLocalVolumes(join(at, "volumes"));
  const record = (name: string): VolumeRecord => ({
    name,
    driver: "local",
    createdAt: "",
    labels: {},
    options: { size: "8m" },
    anonymous: false,
  });
  const origin = record("origin");
  await driver.create(origin);
  const path = await driver.mount(origin, "user");
  const entries = readdirSync(join(at, "volumes/origin"));
  const created = writable(path);
  writeFileSync(join(path, "file"), Buffer.alloc(2 << 20));
  const { method } = await driver.snapshot(origin, "kept", "");
  await driver.restore(origin, "kept");
  const restored = writable(path);
  await driver.clone({ volume: origin, snapshot: "kept" }, record("twin"));
  const cloned = writable(driver.path("twin"));
  await driver.create(record("filled"), async (into) => writeFileSync(join(into, "other"), Buffer.alloc(1 << 20)));
  const filled = writable(driver.path("filled"));
  for (const name of ["origin", "twin", "filled"]) await driver.remove(name);
  return { entries, created, method, restored, cloned, filled, left: readdirSync(join(at, "volumes")) };
}

async function roots(at: string) {
  const places = makePlaces(join(at, "roots"));
  const store = createRoots(places, new Set(), new MappedView(places, undefined));
  await store.prepareSized("one", [], 8 << 20);
  const { upper } = store.openUpper("one");
  for (let path = upper; path !== at; path = dirname(path)) chmodSync(path, 0o777);
  const root = writable(upper);
  await store.remove("one");
  mkdirSync(join(at, "free"));
  return { root, free: writable(join(at, "free")) };
}

/** Bytes that a user without privileges gets into a file of the directory, of 40 MiB that it tries. */
function writable(directory: string): number {
  chmodSync(directory, 0o777);
  const file = join(directory, "file");
  spawnSync("dd", ["if=/dev/zero", `of=${file}`, "bs=65536", "count=640"], { uid: 1000, gid: 1000 });
  const { size } = statSync(file);
  return size;
}
