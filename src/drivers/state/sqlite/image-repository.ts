import type { Database } from "bun:sqlite";
import { type Digest, hexOf } from "../../../base/digest.ts";
import { notFound } from "../../../base/error.ts";
import type { ImageRecord, ImageRepository } from "../../../core/image.ts";
import type { Migration } from "./database.ts";

export const imageMigrations: readonly Migration[] = [
  {
    name: "images",
    sql: `
      CREATE TABLE images (id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
      CREATE TABLE image_names (
        name TEXT PRIMARY KEY,
        image TEXT NOT NULL REFERENCES images (id) ON DELETE CASCADE
      ) STRICT;
      CREATE INDEX image_names_image ON image_names (image);
    `,
  },
];

/**
 * Images in the database. The daemon is the only writer, so reads come from memory; every write goes to the database
 * first.
 */
export function createImageRepository(db: Database): ImageRepository {
  const records = loadRecords(db);
  const names = loadNames(db);
  const insertImage = db.query(
    "INSERT INTO images (id, record) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET record = ?2",
  );
  const insertName = db.query(
    "INSERT INTO image_names (name, image) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET image = ?2",
  );
  const put = db.transaction((image: ImageRecord, added: readonly string[]) => {
    insertImage.run(image.id, JSON.stringify(image));
    for (const name of added) insertName.run(name, image.id);
  });
  return {
    get: (id) => records.get(id),
    list: () => [...records.values()],
    put: (image, added) => {
      put(image, added);
      records.set(image.id, image);
      for (const name of added) names.set(name, image.id);
    },
    remove: (id) => {
      db.query("DELETE FROM images WHERE id = ?").run(id);
      records.delete(id);
      for (const [name, image] of names) if (image === id) names.delete(name);
    },
    namesOf: (id) => [...names].filter(([, image]) => image === id).map(([name]) => name),
    resolveName: (name) => names.get(name),
    addName: (name, id) => {
      if (!records.has(id)) throw notFound(`No such image: ${id}`);
      insertName.run(name, id);
      names.set(name, id);
    },
    removeName: (name) => {
      db.query("DELETE FROM image_names WHERE name = ?").run(name);
      names.delete(name);
    },
    findByPrefix: (prefix) => [...records.keys()].filter((id) => hexOf(id).startsWith(prefix)),
  };
}

function loadRecords(db: Database): Map<Digest, ImageRecord> {
  const rows = db.query<{ record: string }, []>("SELECT record FROM images ORDER BY rowid").all();
  const records = rows.map((row) => withAbsent(JSON.parse(row.record) as ImageRecord));
  return new Map(records.map((record) => [record.id, record]));
}

/** JSON drops members that are undefined; the record has them. */
const withAbsent = (record: ImageRecord): ImageRecord => ({
  ...record,
  manifest: record.manifest ?? undefined,
  parent: record.parent ?? undefined,
});

function loadNames(db: Database): Map<string, Digest> {
  const rows = db.query<{ name: string; image: Digest }, []>("SELECT name, image FROM image_names ORDER BY name").all();
  return new Map(rows.map(({ name, image }) => [name, image]));
}
