// Brings each table of a backup together with the live table of its name, and with what the catalogs say of both.
import { sql } from "drizzle-orm";
import type { ManifestTable } from "../core/artifact.ts";
import { checkedColumns, readChecks } from "./constraints.ts";
import { fitTables } from "./drift.ts";
import { readForeignKeys, type ForeignKeys } from "./foreign-keys.ts";
import { describeTables } from "./introspect.ts";
import type { ComputedColumn, RestoredTable } from "./restored-table.ts";
import { readRivals, type Rival } from "./rivals.ts";
import type { Session } from "./session.ts";

/** What a restore is about: its tables, and the foreign keys from and to them. */
export interface MatchedTables {
  readonly tables: readonly RestoredTable[];
  readonly foreignKeys: ForeignKeys;
}

/**
 * Changes nothing.
 * @param schema the name of the schema that the tables will be staged in
 * @throws TABLE_MISSING, CONFIG_INVALID, SCHEMA_DRIFT
 */
export async function matchTables(
  session: Session,
  schema: string,
  backups: readonly ManifestTable[],
): Promise<MatchedTables> {
  const shapes = await describeTables(session, backups);
  const fits = fitTables(backups, shapes);
  const oids = shapes.map((shape) => shape.oid);
  const rivals = await readRivals(session, oids);
  const checks = await readChecks(session, oids);
  const foreignKeys = await readForeignKeys(session, oids);
  const computed = await readComputedColumns(session, oids);

  const tables = fits.map((fit, place): RestoredTable => {
    const { oid } = fit.live;
    const ownRivals = rivals.get(oid) ?? [];
    const ownChecks = checks.get(oid) ?? [];
    const watched = new Set([
      ...checkedColumns(ownChecks),
      ...ownRivals.flatMap((rival) => rival.columns),
      ...keyColumns(foreignKeys, oid),
    ]);
    const known = new Set(fit.columns);
    const stagedComputed = (computed.get(oid) ?? []).filter(
      (column) => watched.has(column.name) && column.needs.every((name) => known.has(name)),
    );
    return {
      ...fit,
      number: place + 1,
      entity: fit.backup.entity,
      staging: { schema, name: `t${place + 1}` },
      computed: stagedComputed,
      stagedColumns: new Set([...fit.columns, ...stagedComputed.map((column) => column.name)]),
      matching: matchingElements(fit.key, ownRivals),
      rivals: ownRivals,
      checks: ownChecks,
    };
  });
  return { tables, foreignKeys };
}

/**
 * The operators come from an index over exactly the key: only these are sure to find at most one row. In a temporal key, where equal
 * values may be there at different times, rows whose times are the same are the same.
 */
function matchingElements(key: readonly string[], rivals: readonly Rival[]): RestoredTable["matching"] {
  if (key.length === 0) return [];
  const wanted = new Set(key);
  const guards = rivals.filter(
    (rival) =>
      rival.predicate === null &&
      rival.elements.length === wanted.size &&
      rival.elements.every((element) => element.column !== null && wanted.has(element.column)),
  );
  const guard = guards.find((rival) => rival.equality) ?? guards[0];
  if (guard === undefined) throw new Error(`no unique index guards the key (${key.join(", ")})`);
  return guard.elements.flatMap(({ column, operator }) =>
    column === null ? [] : { column, operator: operator === OVERLAPS ? SAME : operator },
  );
}

const OVERLAPS = "OPERATOR(pg_catalog.&&)";
const SAME = "OPERATOR(pg_catalog.=)";

/** Columns of the table that a foreign key compares, on either side. */
function keyColumns({ outgoing, incoming }: ForeignKeys, oid: number): string[] {
  const from = outgoing.filter((key) => key.from.oid === oid).flatMap((key) => key.columns);
  const to = incoming.filter((key) => key.to.oid === oid).flatMap((key) => key.columns);
  return [...from.map((column) => column.name), ...to.map((column) => column.references)];
}

/** Generated columns. What they look at is kept as a dependency of their default or, before PostgreSQL 15, of themselves. */
async function readComputedColumns(
  session: Session,
  oids: readonly number[],
): Promise<Map<number, ComputedColumn[]>> {
  const rows = await session.rows<ComputedColumn>(sql`
    SELECT a.attrelid AS table, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
      pg_get_expr(d.adbin, d.adrelid) AS expression,
      (SELECT coalesce(jsonb_agg(needed.attname), '[]') FROM pg_attribute needed
        WHERE needed.attrelid = a.attrelid AND needed.attnum > 0 AND needed.attnum <> a.attnum AND EXISTS (
          SELECT FROM pg_depend p
          WHERE p.refclassid = 'pg_class'::regclass AND p.refobjid = a.attrelid AND p.refobjsubid = needed.attnum
            AND ((p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid)
              OR (p.classid = 'pg_class'::regclass AND p.objid = a.attrelid AND p.objsubid = a.attnum)))) AS needs
    FROM pg_attribute a
    JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = ANY(${`{${oids.join(",")}}`}::text::oid[]) AND a.attgenerated IN ('s', 'v') AND NOT a.attisdropped`);
  return Map.groupBy(rows, (row) => row.table);
}
