// What the tests of restores share: a database with a schema of its own, backups of it held in memory, and restores of them.
import { randomBytes, randomUUID } from "node:crypto";
import postgres from "postgres";
import type { ManifestTable } from "../../src/core/artifact.ts";
import { tableLabel, type TableName } from "../../src/core/catalog.ts";
import type { RestoreMode, TableChanges } from "../../src/core/run.ts";
import { openDatabase, type Database } from "../../src/postgres/connect.ts";
import { describeTables } from "../../src/postgres/introspect.ts";
import { columnList, tableIdentifier } from "../../src/postgres/quote.ts";
import { applyRestore, previewRestore, type ApplyRequest } from "../../src/postgres/restore-everywhere.ts";
import { openStaging, type Staging } from "../../src/postgres/staging.ts";
import { dropStaging, type RestoreResult } from "../../src/postgres/staging-schema.ts";
import { manifestTable, storedColumns } from "../../src/postgres/table-shape.ts";
import { sql } from "drizzle-orm";
import { inject } from "vitest";
import { createDatabase } from "../support/postgres.ts";

/** Rows as COPY wrote them, with what a manifest says of their tables. */
export interface MemoryBackup {
  readonly tables: readonly ManifestTable[];
  /** By `schema.name`. */
  readonly copies: { get(table: string): Iterable<Buffer> | undefined };
}

export interface RestoreOptions extends Partial<ApplyRequest> {
  readonly mode?: RestoreMode;
  readonly dryRun?: boolean;
  /** Given, the outcome is kept, as for a run whose success is not written down yet. */
  readonly runId?: string;
  readonly attempt?: number;
  readonly lockTimeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Entities to restore; left out: all that the backup has. */
  readonly entities?: readonly string[];
  /** Whether rows of empty tables may be inserted while others are loaded; every row is a part then. */
  readonly early?: boolean;
  /** Called when everything is loaded. */
  readonly onStaged?: (staging: Staging) => Promise<void> | void;
  /** Instead of as the fixture's own role. */
  readonly database?: Database;
}

export interface RestoreFixture extends AsyncDisposable {
  readonly url: string;
  /** As the superuser. */
  readonly sql: postgres.Sql;
  readonly database: Database;
  /**
   * Opens the database as a new role without any privilege but to create schemas and to own the schema `app` with its tables.
   * @param others tables that stay with the superuser
   */
  asOwner(others?: readonly string[]): Promise<Database>;
  backUp(): Promise<MemoryBackup>;
  restore(backup: MemoryBackup, options?: RestoreOptions): Promise<RestoreResult>;
  /** Every row of every table as text, in a fixed order, and the state of every sequence. */
  contents(): Promise<Record<string, string[]>>;
}

/**
 * @param ddl makes the tables
 * @param entities names of entities with their tables, written `schema.name`
 */
export async function createFixture(
  ddl: string,
  entities: Readonly<Record<string, readonly string[]>>,
): Promise<RestoreFixture> {
  const made = await createDatabase();
  const client = postgres(made.url, { max: 2, onnotice: () => undefined });
  await client.unsafe(ddl);
  const databases: Database[] = [];
  const roles: string[] = [];
  const open = (url: string): Database => {
    const opened = openDatabase({ name: "app", url, applicationName: "holdfast-test", maxConnections: 4 });
    databases.push(opened);
    return opened;
  };
  const database = open(made.url);
  const owners = new Map(
    Object.entries(entities).flatMap(([entity, tables]) => tables.map((t) => [t, entity])),
  );
  const names = [...owners.keys()].map(parseLabel);

  const restore = async (backup: MemoryBackup, options: RestoreOptions = {}): Promise<RestoreResult> => {
    const { mode = "MERGE", subject = "a backup", dryRun = false, entities: chosen } = options;
    const tables = backup.tables.filter((table) => chosen === undefined || chosen.includes(table.entity));
    const target = options.database ?? database;
    const runId = options.runId ?? randomUUID();
    const staging = await openStaging(
      target,
      {
        runId,
        attempt: options.attempt ?? 1,
        tables,
        catalog: {
          entityOf: (table) => owners.get(tableLabel(table)),
          isFirst: () => true,
          partial: new Set(),
        },
        ...(options.lockTimeoutMs === undefined ? {} : { lockTimeoutMs: options.lockTimeoutMs }),
      },
      options.signal ?? new AbortController().signal,
    );
    try {
      if (options.early === true) await staging.insertEarly(target, tables);
      for (const table of tables) {
        const chunks = backup.copies.get(tableLabel(table)) ?? [];
        let loaded = 0;
        for (const part of options.early === true ? rowsOf(chunks) : [chunks])
          loaded += await staging.load(table, chunksOf(part));
        if (loaded !== table.rows) throw new Error(`${loaded} rows were loaded instead of ${table.rows}`);
      }
      await options.onStaged?.(staging);
      const request = { ...options, mode, subject };
      const shares = [{ database: target.name, staging }];
      return await (dryRun ? previewRestore(shares, request) : applyRestore(shares, request));
    } finally {
      await staging.close();
      if (options.runId === undefined) await dropStaging(target, runId, new AbortController().signal);
    }
  };

  return {
    url: made.url,
    sql: client,
    database,
    async asOwner(others = []) {
      const role = `owner_${randomBytes(6).toString("hex")}`;
      await createOwner(client, role, others);
      roles.push(role);
      const url = new URL(made.url);
      url.username = role;
      url.password = role;
      return open(url.href);
    },
    backUp: () => backUp(database, names, owners),
    restore,
    contents: () => contents(client),
    async [Symbol.asyncDispose]() {
      await Promise.all(databases.map((opened) => opened.close()));
      for (const role of roles) await client.unsafe(`drop owned by ${role} cascade; drop role ${role}`);
      await client.end();
      await made.drop();
    },
  };
}

async function createOwner(client: postgres.Sql, role: string, others: readonly string[]): Promise<void> {
  await client.unsafe(`
    create role ${role} login password '${role}';
    do $$ declare item record; begin
      execute format('grant create on database %I to ${role}', current_database());
      alter schema app owner to ${role};
      for item in select c.oid::regclass as name from pg_class c
        where c.relnamespace = 'app'::regnamespace and c.relkind in ('r', 'p') and c.oid::regclass::text <> all('{${others.join()}}')
      loop execute format('alter table %s owner to ${role}', item.name); end loop;
    end $$;`);
}

async function backUp(
  database: Database,
  names: readonly TableName[],
  owners: ReadonlyMap<string, string>,
): Promise<MemoryBackup> {
  await using session = await database.session(new AbortController().signal);
  const copies = new Map<string, Buffer[]>();
  const tables: ManifestTable[] = [];
  for (const shape of await describeTables(session, names)) {
    const source =
      shape.kind === "PARTITIONED" ? tableIdentifier(shape) : sql`ONLY ${tableIdentifier(shape)}`;
    const copy = sql`COPY (SELECT ${columnList(storedColumns(shape))} FROM ${source}) TO STDOUT`;
    const batches: Buffer[] = [];
    let rows = 0;
    for await (const batch of session.copyOut(copy)) {
      batches.push(batch.bytes);
      rows += batch.rows;
    }
    const label = tableLabel(shape);
    copies.set(label, batches);
    const rawBytes = batches.reduce((sum, bytes) => sum + bytes.length, 0);
    const entity = owners.get(label) ?? "";
    tables.push({ ...manifestTable(shape), entity, database: "app", rows, rawBytes });
  }
  return { tables, copies };
}

async function contents(client: postgres.Sql): Promise<Record<string, string[]>> {
  const relations = await client<{ schema: string; name: string; kind: string }[]>`
    select n.nspname as schema, c.relname as name, c.relkind as kind from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') and n.nspname not like 'pg_temp%'
      and c.relkind in ('r', 'S') order by 1, 2`;
  const result: Record<string, string[]> = {};
  for (const { schema, name, kind } of relations) {
    const value = kind === "S" ? client`last_value::text || is_called` : client`t::text`;
    const rows = await client<
      { value: string }[]
    >`select ${value} as value from only ${client(schema)}.${client(name)} t order by 1`;
    result[`${schema}.${name}`] = rows.map((row) => row.value);
  }
  return result;
}

/** As `server_version_num` prints it. */
export async function serverVersion(): Promise<number> {
  const client = postgres(inject("postgresUrl"), { max: 1 });
  const [row] = await client<
    { version: number }[]
  >`select current_setting('server_version_num')::int as version`;
  await client.end();
  return row?.version ?? 0;
}

function parseLabel(label: string): TableName {
  const [schema = "", name = ""] = label.split(".");
  return { schema, name };
}

function rowsOf(chunks: Iterable<Uint8Array>): Buffer[][] {
  const text = Buffer.concat([...chunks]).toString("latin1");
  return text.split(/(?<=\n)/).flatMap((row) => (row === "" ? [] : [[Buffer.from(row, "latin1")]]));
}

async function* chunksOf(chunks: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

/** `table: inserted/updated/unchanged/deleted` */
export function summary(changes: readonly TableChanges[]): Record<string, string> {
  return Object.fromEntries(
    changes.map(({ table, inserted, updated, unchanged, deleted }) => [
      table,
      `${inserted}/${updated}/${unchanged}/${deleted}`,
    ]),
  );
}
