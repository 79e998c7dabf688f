// Somebody's application: a database with tables of its own, on whichever server, with whole backups and restores of it.
import { randomBytes, randomUUID } from "node:crypto";
import postgres from "postgres";
import { inject } from "vitest";
import { buildCatalog, type TableName } from "../../src/core/catalog.ts";
import type { Manifest } from "../../src/core/artifact.ts";
import { storeSink, storeSource } from "../../src/engine/artifact-io.ts";
import { backup } from "../../src/engine/backup.ts";
import { forgetRestore, restore, type RestoreOrder, type RestoreResult } from "../../src/engine/restore.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";

const DATABASE = "app";

export interface StoredBackup {
  readonly artifactId: string;
  readonly store: Store;
  readonly manifest: Manifest;
}

export interface Application extends AsyncDisposable {
  /** As the superuser. */
  readonly sql: postgres.Sql;
  readonly url: string;
  /** @param store left out: one in memory */
  backUp(store?: Store): Promise<StoredBackup>;
  /** Restores a backup, of this application or of another with the same entities. */
  restore(stored: StoredBackup, order?: Partial<RestoreOrder>): Promise<RestoreResult>;
  /**
   * Of every table that has rows of its own (a partition, not its parent) the count and an MD5 of the rows' text, in the order of
   * that text; computed by PostgreSQL.
   */
  hashes(): Promise<Record<string, string>>;
}

export interface ApplicationOptions {
  /** URL of a superuser on the server; left out: the one that the tests share. */
  readonly server?: string;
  /** Whom to back up and restore as: user and password. */
  readonly role?: { readonly name: string; readonly password: string };
}

/**
 * @param ddl makes the tables and fills them
 * @param entities names of entities with their tables: `schema.name`, or both apart where a name has a dot in it
 */
export async function openApplication(
  ddl: string,
  entities: Readonly<Record<string, readonly (string | TableName)[]>>,
  options: ApplicationOptions = {},
): Promise<Application> {
  const catalog = buildCatalog({
    APPLICATION: Object.fromEntries(
      Object.entries(entities).map(([entity, tables]) => [
        entity,
        {
          label: entity,
          tables: tables.map((table) => (typeof table === "string" ? parseLabel(table) : table)),
          read: "READ",
          write: "WRITE",
          database: DATABASE,
        },
      ]),
    ),
  });
  const server = options.server ?? inject("postgresUrl");
  const name = `app_${randomBytes(6).toString("hex")}`;
  const url = databaseUrl(server, name);
  await administer(server, `create database ${name} template template0`);
  const sql = postgres(url, { max: 2, onnotice: () => undefined });
  const close = async (): Promise<void> => {
    await sql.end();
    await administer(server, `drop database ${name} with (force)`);
  };
  try {
    await sql.unsafe(ddl);
  } catch (error) {
    await close();
    throw error;
  }
  const working = new URL(url);
  if (options.role !== undefined) {
    working.username = options.role.name;
    working.password = options.role.password;
  }
  const control = { signal: new AbortController().signal, onProgress: () => undefined };
  const deps = { databaseUrl: () => working.href };
  return {
    sql,
    url,
    async backUp(store = memoryStore()) {
      const artifactId = randomUUID();
      const { manifest } = await backup(
        { ...deps, sink: storeSink(store, artifactId) },
        {
          artifactId,
          createdAt: new Date(),
          entities: [...catalog.entities.values()],
          encryption: { kind: "NONE" },
        },
        control,
      );
      return { artifactId, store, manifest };
    },
    async restore({ artifactId, store }, order = {}) {
      const runId = randomUUID();
      try {
        return await restore(
          { ...deps, catalog, source: storeSource(store, artifactId) },
          { runId, attempt: 1, mode: "MERGE", dryRun: false, ...order },
          control,
        );
      } finally {
        await forgetRestore(deps, { runId, database: DATABASE }, control.signal);
      }
    },
    hashes: () => hashes(sql),
    [Symbol.asyncDispose]: close,
  };
}

function databaseUrl(server: string, name: string): string {
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

async function administer(server: string, statement: string): Promise<void> {
  const sql = postgres(server, { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end();
  }
}

function parseLabel(label: string): TableName {
  const [schema = "", name = ""] = label.split(".");
  return { schema, name };
}

async function hashes(sql: postgres.Sql): Promise<Record<string, string>> {
  const tables = await sql<TableName[]>`
    select n.nspname::text as schema, c.relname::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema') order by 1, 2`;
  const found: [string, string][] = [];
  for (const { schema, name } of tables) {
    // Names that postgres.js would take apart at their dots.
    const quoted = [schema, name].map((part) => `"${part.replaceAll('"', '""')}"`).join(".");
    const [row] = await sql.unsafe<{ hash: string }[]>(
      `select count(*) || ':' || md5(coalesce(string_agg(t::text, E'\\n' order by t::text collate "C"), '')) as hash from only ${quoted} t`,
    );
    found.push([`${schema}.${name}`, row?.hash ?? ""]);
  }
  return Object.fromEntries(found);
}
