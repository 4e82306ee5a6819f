import type { Database } from "bun:sqlite";
import { conflict, notFound } from "../../../base/error.ts";
import type { InstanceRecord, InstanceRepository } from "../../../core/instance.ts";

export const instanceMigration = {
  name: "instances",
  sql: `CREATE TABLE instances (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    image TEXT NOT NULL,
    record TEXT NOT NULL
  ) STRICT`,
};

export const instanceNetworksMigration = {
  name: "instance-networks",
  sql: `UPDATE instances SET record = json_set(record, '$.networks', json_object(record ->> '$.host.NetworkMode', json('{}')))
    WHERE record -> '$.networks' = '{}' AND record ->> '$.host.NetworkMode' NOT LIKE 'container:%'`,
};

/** Instances with a copy in memory: lists and look-ups never touch the disk, every change does before it is seen. */
export function createInstanceRepository(db: Database): InstanceRepository {
  const upsert = db.query(
    `INSERT INTO instances (id, name, image, record) VALUES (?1, ?2, ?3, ?4)
     ON CONFLICT (id) DO UPDATE SET name = ?2, record = ?4`,
  );
  const drop = db.query("DELETE FROM instances WHERE id = ?1");
  const rows = db.query("SELECT record FROM instances").all() as Array<{ record: string }>;
  const byId = new Map(rows.map(({ record }) => JSON.parse(record) as InstanceRecord).map((r) => [r.id, r]));
  const byName = new Map([...byId.values()].map((record) => [record.name, record.id]));

  const save = (record: InstanceRecord) => {
    const holder = byName.get(record.name);
    if (holder !== undefined && holder !== record.id) throw conflict(`the name ${record.name} is taken`);
    upsert.run(record.id, record.name, record.image.id, JSON.stringify(record));
    const before = byId.get(record.id);
    if (before) byName.delete(before.name);
    byId.set(record.id, record);
    byName.set(record.name, record.id);
  };
  return {
    get: (id) => byId.get(id),
    byName: (name) => byId.get(byName.get(name) ?? ""),
    list: () => [...byId.values()],
    findByPrefix: (prefix) => [...byId.keys()].filter((id) => id.startsWith(prefix)),
    insert: save,
    update(id, change) {
      const record = byId.get(id);
      if (!record) throw notFound(`No such container: ${id}`);
      const next = { ...record, ...change };
      save(next);
      return next;
    },
    remove(id) {
      drop.run(id);
      const record = byId.get(id);
      if (record) byName.delete(record.name);
      byId.delete(id);
    },
  };
}
