// Every type that a column can be of, by itself and in arrays, domains and composite types, through whole backups and restores in
// every mode; held by hashes that PostgreSQL computes of the rows' text.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RestoreMode } from "../../src/core/run.ts";
import { hasPostgres15, startPostgres15 } from "../support/debian-postgres.ts";
import { openApplication, type Application, type StoredBackup } from "./application-fixture.ts";
import { BUILT_IN, EXTENSIONS, OWN, OWN_DDL, UNREADABLE } from "./type-samples.ts";
import { createExtensions, typeTables } from "./type-tables.ts";

const CONTRIB = Object.assign({}, ...Object.values(EXTENSIONS));
const { ddl, tables, byTable } = typeTables({ ...BUILT_IN, ...OWN, ...CONTRIB });
const DDL = `CREATE SCHEMA app; ${OWN_DDL} ${createExtensions(Object.keys(EXTENSIONS))} ${ddl}`;

describe("columns of every type", () => {
  let app: Application;
  let stored: StoredBackup;
  let before: Record<string, string>;
  beforeAll(async () => {
    app = await openApplication(DDL, { TYPES: tables });
    before = await app.hashes();
    stored = await app.backUp();
  });
  afterAll(() => app[Symbol.asyncDispose]());

  const changedTypes = async (): Promise<string[]> => {
    const now = await app.hashes();
    return Object.keys(before).flatMap((table) =>
      now[table] === before[table] ? [] : (byTable[table] ?? table),
    );
  };

  it("are tried out for all types that the server has", async () => {
    const types = await app.sql<{ name: string }[]>`
      select format_type(oid, null) as name from pg_type
      where typnamespace = 'pg_catalog'::regnamespace and typtype in ('b', 'r', 'm') and typcategory <> 'A'`;
    const names = types.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(70);
    const tried = new Set([...Object.keys(BUILT_IN), ...UNREADABLE]);
    expect(names.filter((name) => !tried.has(name))).toEqual([]);
  });

  it("are the same to a preview that looks right after the backup", async () => {
    const { changes } = await app.restore(stored, { mode: "REPLACE", dryRun: true });
    const differing = changes.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0);
    expect(differing.map(({ table }) => byTable[table])).toEqual([]);
  });

  it.each<[RestoreMode, string]>([
    ["MERGE", "whose rows have each other's values"],
    ["REPLACE", "whose rows are doubled, changed and gone"],
    ["INSERT_MISSING", "that are empty"],
  ])("come back byte for byte by %s into tables %s", async (mode) => {
    for (const table of tables) await app.sql.unsafe(damage(table, mode));
    expect(await changedTypes()).toHaveLength(tables.length);
    await app.restore(stored, { mode });
    expect(await changedTypes()).toEqual([]);
  });

  it.runIf(hasPostgres15)(
    "go to PostgreSQL 15 and back, where postgresql-15 is installed",
    { timeout: 240_000 },
    async () => {
      await using server = await startPostgres15();
      await using other = await openApplication(DDL, { TYPES: tables }, { server: server.url });
      const all = tables.join();
      await other.sql.unsafe(`truncate ${all}`);
      await other.restore(stored, { mode: "REPLACE" });
      expect(await other.hashes()).toEqual(before);
      await app.sql.unsafe(`truncate ${all}`);
      await app.restore(await other.backUp(), { mode: "MERGE" });
      expect(await changedTypes()).toEqual([]);
    },
  );
});

/** A keyed table's rows change their values; one without a key loses rows, or has them twice. */
function damage(table: string, mode: RestoreMode): string {
  if (mode === "INSERT_MISSING") return `truncate ${table}`;
  const keyed = table.startsWith("app.keyed");
  if (mode === "MERGE" && keyed) {
    return `update ${table} t set v = n.v, a = n.a, d = n.d, da = n.da, c = n.c, ca = n.ca
      from (select id, lead(v) over w v, lead(a) over w a, lead(d) over w d, lead(da) over w da, lead(c) over w c, lead(ca) over w ca
            from ${table} window w as (order by id)) n
      where n.id = t.id and n.id < 1000; delete from ${table} where id = 1000`;
  }
  if (keyed) return `update ${table} set id = id + 5000 where id > 1; update ${table} set a = null`;
  const lost = `delete from ${table} where ctid in (select ctid from ${table} limit 1)`;
  return mode === "MERGE" ? lost : `${lost}; insert into ${table} table ${table}`;
}
