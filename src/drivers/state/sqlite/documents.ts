import type { Database } from "bun:sqlite";
import type { BuildCache, BuildCacheRecord } from "../../../core/build-cache.ts";
import type { BuildHistory, BuildRecord } from "../../../core/build-history.ts";
import type { NetworkRecord, NetworkRepository } from "../../../core/network.ts";
import type { VolumeRecord, VolumeRepository } from "../../../core/volume.ts";

export const documentMigrations = [
  { name: "volumes", sql: "CREATE TABLE volumes (key TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT" },
  { name: "networks", sql: "CREATE TABLE networks (key TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT" },
  {
    name: "network-pools",
    sql: `UPDATE networks SET record = json_set(record, '$.pools', CASE record ->> 'subnet' WHEN '' THEN json_array()
      ELSE json_array(json_object('subnet', record ->> 'subnet', 'gateway', record ->> 'gateway')) END)`,
  },
  { name: "build-cache", sql: "CREATE TABLE build_cache (key TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT" },
];

interface Documents<T> {
  readonly all: ReadonlyMap<string, T>;
  put(key: string, record: T): void;
  remove(key: string): void;
}

/** A table of JSON records by key, with a copy in memory. */
function documents<T>(db: Database, table: "volumes" | "networks" | "build_cache" | "build_history"): Documents<T> {
  const upsert = db.query(`INSERT OR REPLACE INTO ${table} (key, record) VALUES (?1, ?2)`);
  const drop = db.query(`DELETE FROM ${table} WHERE key = ?1`);
  const rows = db.query(`SELECT key, record FROM ${table}`).all() as Array<{ key: string; record: string }>;
  const all = new Map(rows.map(({ key, record }) => [key, JSON.parse(record) as T]));
  return {
    all,
    put(key, record) {
      upsert.run(key, JSON.stringify(record));
      all.set(key, record);
    },
    remove(key) {
      drop.run(key);
      all.delete(key);
    },
  };
}

export function createVolumeRepository(db: Database): VolumeRepository {
  const volumes = documents<VolumeRecord>(db, "volumes");
  return {
    get: (name) => volumes.all.get(name),
    list: () => [...volumes.all.values()],
    put: (volume) => volumes.put(volume.name, volume),
    remove: (name) => volumes.remove(name),
  };
}

export function createNetworkRepository(db: Database): NetworkRepository {
  const networks = documents<NetworkRecord>(db, "networks");
  return {
    get: (id) => networks.all.get(id),
    byName: (name) => [...networks.all.values()].find((network) => network.name === name),
    list: () => [...networks.all.values()],
    put: (network) => networks.put(network.id, network),
    remove: (id) => networks.remove(id),
  };
}

export function createBuildCache(db: Database): BuildCache {
  const records = documents<BuildCacheRecord>(db, "build_cache");
  return {
    get: (key) => records.all.get(key),
    list: () => [...records.all.values()],
    put: (record) => records.put(record.key, record),
    remove: (key) => records.remove(key),
  };
}

export const buildHistoryMigration = {
  name: "build-history",
  sql: "CREATE TABLE build_history (key TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT",
};

export function createBuildHistory(db: Database): BuildHistory {
  const records = documents<BuildRecord>(db, "build_history");
  return {
    get: (id) => records.all.get(id),
    list: () => [...records.all.values()],
    put: (record) => records.put(record.id, record),
    remove: (id) => records.remove(id),
  };
}
