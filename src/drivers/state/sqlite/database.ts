import { Database } from "bun:sqlite";
import { chmodSync } from "node:fs";

/** One step of the schema; steps run once each, in the order of the list, and are never changed afterwards. */
export interface Migration {
  readonly name: string;
  readonly sql: string;
}

/**
 * Opens the state file and brings its schema up to date. Fails when the file is no database, or was written by a
 * later version of this program.
 */
export function openDatabase(path: string, migrations: readonly Migration[]): Database {
  const db = new Database(path, { create: true, strict: true });
  try {
    if (path !== ":memory:") chmodSync(path, 0o600);
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = NORMAL");
    db.run("PRAGMA foreign_keys = ON");
    db.run("PRAGMA busy_timeout = 5000");
    migrate(db, migrations);
    reserveSpace(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

const reservedBytes = 2 << 20;
const pageBytes = 4096;

/**
 * Makes room ahead in the file and its log, so that on a full disk records can still change and containers and images
 * can still be removed. Free pages stay in the file, and the log is used anew from its beginning.
 */
function reserveSpace(db: Database): void {
  db.run(`PRAGMA wal_autocheckpoint = ${reservedBytes / pageBytes / 2}`);
  try {
    db.run("CREATE TABLE IF NOT EXISTS reserve (bytes BLOB)");
    db.run("INSERT INTO reserve VALUES (zeroblob(?))", [reservedBytes]);
    db.run("DELETE FROM reserve");
  } catch {
    // No room for a reserve: what is there must do.
  }
}

function migrate(db: Database, migrations: readonly Migration[]): void {
  db.run("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY) STRICT");
  const done = new Set(
    db
      .query<{ name: string }, []>("SELECT name FROM migrations")
      .all()
      .map((row) => row.name),
  );
  const unknown = [...done].find((name) => !migrations.some((migration) => migration.name === name));
  if (unknown) throw new Error(`the database holds "${unknown}", which this version does not know`);
  const apply = db.transaction(({ name, sql }: Migration) => {
    db.run(sql);
    db.query("INSERT INTO migrations (name) VALUES (?)").run(name);
  });
  for (const migration of migrations) if (!done.has(migration.name)) apply(migration);
}
