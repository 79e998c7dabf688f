// Databases for tests: each made for one test or file on the run's shared server, and dropped after it.
import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import postgres from "postgres";
import { inject } from "vitest";
import { migrateLedger } from "../../src/ledger/connect.ts";

export interface TestDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /** Drops the database and ends whatever sessions are still in it. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** With the tables of the repository's migrations in it; otherwise it is empty. */
  readonly migrated?: boolean;
}

const MIGRATIONS = path.join(import.meta.dirname, "../../migrations");

/**
 * Creates a database of its own: `await using database = await createDatabase()`, or drop() in afterAll.
 * The URL is that of a superuser on the embedded server.
 */
export async function createDatabase(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString("hex")}`;
  await asAdmin(async (sql) => {
    const template = options.migrated === true ? await ensureTemplate(sql) : "template0";
    await sql`create database ${sql(name)} template ${sql(template)}`;
  });
  const drop = () =>
    asAdmin(async (sql) => {
      await sql`drop database if exists ${sql(name)} with (force)`;
    });
  return { name, url: urlOf(name), drop, [Symbol.asyncDispose]: drop };
}

/** The database that migrated ones are copies of: made by whichever test comes first, once for each set of migrations. */
async function ensureTemplate(sql: postgres.Sql): Promise<string> {
  const name = `template_${await hashMigrations()}`;
  await sql`select pg_advisory_lock(hashtext(${name}))`;
  try {
    const found = await sql`select from pg_database where datname = ${name}`;
    if (found.length > 0) return name;
    const draft = `${name}_draft`;
    await sql`drop database if exists ${sql(draft)} with (force)`;
    await sql`create database ${sql(draft)} template template0`;
    await migrateLedger(urlOf(draft));
    await sql`alter database ${sql(draft)} rename to ${sql(name)}`;
    return name;
  } finally {
    await sql`select pg_advisory_unlock(hashtext(${name}))`;
  }
}

async function hashMigrations(): Promise<string> {
  const hash = createHash("sha256");
  const files = (await readdir(MIGRATIONS)).filter((file) => file.endsWith(".sql")).toSorted();
  for (const file of files) hash.update(file).update(await readFile(path.join(MIGRATIONS, file)));
  return hash.digest("hex").slice(0, 16);
}

async function asAdmin<T>(act: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(inject("postgresUrl"), { max: 1, onnotice: () => undefined });
  try {
    return await act(sql);
  } finally {
    await sql.end();
  }
}

function urlOf(database: string): string {
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${database}`;
  return url.href;
}
