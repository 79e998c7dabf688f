// An application with tables in one database or several, a store beside them, and backups and restores as tests call them.
import { randomUUID } from "node:crypto";
import postgres from "postgres";
import { buildCatalog, type Catalog } from "../../src/core/catalog.ts";
import type { RunControl } from "../../src/core/run.ts";
import { storeSink, storeSource, type ArtifactSink } from "../../src/engine/artifact-io.ts";
import { backup } from "../../src/engine/backup.ts";
import { forgetRestore, restore, type RestoreOrder, type RestoreResult } from "../../src/engine/restore.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

/** By the name of a database: the SQL that makes its tables, and its entities with their tables in the schema `app`. */
export type Declaration = Readonly<
  Record<string, { readonly ddl: string; readonly entities: Readonly<Record<string, readonly string[]>> }>
>;

interface OpenDatabase {
  readonly made: TestDatabase;
  readonly sql: postgres.Sql;
}

export interface SeveralDatabases extends AsyncDisposable {
  readonly catalog: Catalog;
  readonly databaseUrl: (name: string) => string;
  sql(database: string): postgres.Sql;
  /** @returns the artifact's id */
  backUp(options?: BackupOptions): Promise<string>;
  /** Forgets the outcome, unless the order names a run. */
  restore(
    artifactId: string,
    order?: Partial<RestoreOrder>,
    options?: RestoreOptions,
  ): Promise<RestoreResult>;
  source(artifactId: string): ReturnType<typeof storeSource>;
  /** The keys of all objects in the store. */
  stored(): Promise<string[]>;
  forget(runId: string): Promise<void>;
  /** Every row of every table of the schema `app` as text, by `database:table`. */
  contents(): Promise<Record<string, string[]>>;
  /** Schemas of restores that are still there, in all of the databases. */
  leftovers(): Promise<string[]>;
}

export interface BackupOptions extends Partial<RunControl> {
  /** Gives what is put in the place of the store's own sink. */
  readonly through?: (sink: ArtifactSink) => ArtifactSink;
}

export interface RestoreOptions extends Partial<RunControl> {
  /** In the place of the databases' own. */
  readonly databaseUrl?: (name: string) => string;
}

/** Opens it; its caller disposes of it. */
export async function openDatabases(declaration: Declaration): Promise<SeveralDatabases> {
  const open = new Map<string, OpenDatabase>();
  const named = (name: string): OpenDatabase => {
    const found = open.get(name);
    if (found === undefined) throw new Error(`there is no database ${name}`);
    return found;
  };
  for (const [name, { ddl }] of Object.entries(declaration)) {
    const made = await createDatabase();
    const sql = postgres(made.url, { max: 4, onnotice: () => undefined });
    await sql.unsafe(`create schema app; ${ddl}`);
    open.set(name, { made, sql });
  }
  const catalog = buildCatalog({
    APPLICATION: Object.fromEntries(
      Object.entries(declaration).flatMap(([database, { entities }]) =>
        Object.entries(entities).map(([entity, tables]) => {
          const names = tables.map((table) => ({ schema: "app", name: table }));
          return [entity, { label: entity, tables: names, read: "READ", write: "WRITE", database }];
        }),
      ),
    ),
  });
  const store = memoryStore();
  const never = new AbortController().signal;
  const databaseUrl = (name: string): string => named(name).made.url;
  const forget = async (runId: string): Promise<void> => {
    for (const database of open.keys()) await forgetRestore({ databaseUrl }, { runId, database }, never);
  };
  return {
    catalog,
    databaseUrl,
    forget,
    sql: (database) => named(database).sql,
    source: (artifactId) => storeSource(store, artifactId),
    stored: async () => (await Array.fromAsync(store.list(""))).map(({ key }) => key),
    async backUp({
      through = (sink: ArtifactSink) => sink,
      signal = never,
      onProgress = () => undefined,
    } = {}) {
      const artifactId = randomUUID();
      const entities = [...catalog.entities.values()];
      const order = { artifactId, createdAt: new Date(), entities, encryption: { kind: "NONE" } as const };
      const deps = { databaseUrl, sink: through(storeSink(store, artifactId)), connections: 1 };
      await backup(deps, order, { signal, onProgress });
      return artifactId;
    },
    async restore(artifactId, order = {}, { signal = never, onProgress = () => undefined, ...options } = {}) {
      const runId = order.runId ?? randomUUID();
      const deps = {
        databaseUrl,
        catalog,
        source: storeSource(store, artifactId),
        connections: 2,
        ...options,
      };
      try {
        return await restore(
          deps,
          { attempt: 1, mode: "MERGE", dryRun: false, ...order, runId },
          { signal, onProgress },
        );
      } finally {
        if (order.runId === undefined) await forget(runId);
      }
    },
    async contents() {
      const found: Record<string, string[]> = {};
      for (const [database, { sql }] of open) {
        const tables = await sql<{ name: string }[]>`
          select tablename as name from pg_tables where schemaname = 'app' order by 1`;
        for (const { name } of tables) {
          const rows = await sql<{ row: string }[]>`select t::text as row from app.${sql(name)} t order by 1`;
          found[`${database}:${name}`] = rows.map(({ row }) => row);
        }
      }
      return found;
    },
    async leftovers() {
      const found: string[] = [];
      for (const { sql } of open.values()) {
        const rows = await sql<{ name: string }[]>`
          select nspname as name from pg_namespace where nspname like 'holdfast_restore%'`;
        found.push(...rows.map(({ name }) => name));
      }
      return found;
    },
    async [Symbol.asyncDispose]() {
      for (const { made, sql } of open.values()) {
        await sql.end();
        await made.drop();
      }
    },
  };
}
