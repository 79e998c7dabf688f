// The differences between staged and live rows, materialised: one temporary table for each restored table, with a row for each
// row that the restore would insert, update or delete and none for those that stay as they are. What is counted for a preview, what
// is checked and what is carried out is read from it, so that they cannot disagree. Only of a table that is empty there is nothing
// to compare: its differences are the staged rows.
import { createHash } from "node:crypto";
import { sql, type SQL } from "drizzle-orm";
import { tableLabel } from "../core/catalog.ts";
import type { RestoreMode, TableChanges } from "../core/run.ts";
import { countOf, type Action, type TableDiff } from "./diff.ts";
import { liveOf, recordOf, stagingOf, type RestoredTable } from "./restored-table.ts";
import { rowsDiffer } from "./row-difference.ts";
import type { Session } from "./session.ts";

/** Of fewer rows, and where there is nothing to compare, the planner learns enough from the size of their table. */
const ANALYZE_ROWS = 1_000;

/** What is inserted is the whole of what is staged: nothing else has to be recognised again. */
const ALL_INSERTED = "all";

/**
 * Compares in the session's transaction. The tables' contents must not change until it ends.
 * @param early whether the table was empty, and its rows are inserted already
 */
export async function compareTable(
  session: Session,
  table: RestoredTable,
  mode: RestoreMode,
  staged: number,
  early: boolean,
): Promise<TableDiff> {
  if (early) return allInserted(table, staged, early);
  await session.query("SAVEPOINT holdfast_compare");
  const empty = staged > 0 && (await isEmpty(session, table));
  if (staged >= ANALYZE_ROWS && !empty) await session.query(sql`ANALYZE ${stagingOf(table)}`);
  const diff = empty ? allInserted(table, staged, early) : await materialise(session, table, mode, staged);
  const differing = countOf(diff, ["i", "u", "r", "d"]);
  // Of a table that is as it was nothing is looked up any more: the locks of its indexes and of what was staged are given back, for
  // the server has room for some thousands of them.
  await session.query(`${differing === 0 ? "ROLLBACK TO" : "RELEASE"} SAVEPOINT holdfast_compare`);
  if (differing >= ANALYZE_ROWS && !empty) await session.query(sql`ANALYZE ${diffTableOf(table)}`);
  return diff;
}

export async function isEmpty(session: Session, table: RestoredTable): Promise<boolean> {
  const [row] = await session.rows<{ empty: boolean }>(
    sql`SELECT NOT EXISTS (SELECT FROM ${liveOf(table)} AS live) AS empty`,
  );
  return row?.empty === true;
}

function allInserted(table: RestoredTable, staged: number, early: boolean): TableDiff {
  const rows = sql`(SELECT 'i'::"char" AS action, staged.ctid AS staged, NULL::tid AS live, NULL::oid AS live_table
    FROM ${stagingOf(table)} AS staged)`;
  return { table, rows, staged, counts: { i: staged, u: 0, r: 0, d: 0 }, digest: ALL_INSERTED, early };
}

const diffTableOf = (table: RestoredTable): SQL =>
  sql`pg_temp.${sql.identifier(`holdfast_diff_${table.number}`)}`;

async function materialise(
  session: Session,
  table: RestoredTable,
  mode: RestoreMode,
  staged: number,
): Promise<TableDiff> {
  const rows = diffTableOf(table);
  const differences = table.matching.length > 0 ? byKey(table, mode) : byWholeRow(table, mode);
  await session.query(sql`CREATE TEMPORARY TABLE ${rows} ON COMMIT DROP AS ${differences}`);
  const found = await session.rows<{ action: Action; count: number; digest: string }>(sql`
    SELECT action::text AS action, count(*)::float8 AS count, sum(digest)::text AS digest
    FROM ${rows} GROUP BY action ORDER BY action`);
  const counts = { i: 0, u: 0, r: 0, d: 0 };
  for (const { action, count } of found) counts[action] = count;
  const onlyInserts = staged > 0 && counts.i === staged && counts.d === 0;
  const digest = onlyInserts ? ALL_INSERTED : found.map((row) => `${row.action}${row.digest}`).join();
  return { table, rows, staged, counts, digest, early: false };
}

/**
 * Outer and anti joins instead of one full join: PostgreSQL shares those among workers in every version.
 * A row is inserted for its key alone: what it holds is fixed by the backup. Where live rows are lost, they are in the digest.
 */
function byKey(table: RestoredTable, mode: RestoreMode): SQL {
  const isSame = sql.join(
    table.matching.map(({ column, operator }) => {
      const name = sql.identifier(column);
      return sql`live.${name} ${sql.raw(operator)} staged.${name}`;
    }),
    sql` AND `,
  );
  const keyDigest = digestOf(recordOf("staged", table.key));
  const rowDigest = digestOf(recordOf("live", table.columns));
  const missing = sql`SELECT 'i'::"char" AS action, staged.ctid AS staged, NULL::tid AS live, NULL::oid AS live_table,
      ${keyDigest} AS digest
    FROM ${stagingOf(table)} AS staged
    WHERE NOT EXISTS (SELECT FROM ${liveOf(table)} AS live WHERE ${isSame})`;
  if (mode === "INSERT_MISSING") return missing;

  const merged = sql`SELECT
      (CASE WHEN live.ctid IS NULL THEN 'i' WHEN ${needsReinsertion(table)} THEN 'r' ELSE 'u' END)::"char" AS action,
      staged.ctid AS staged, live.ctid AS live, live.tableoid AS live_table,
      CASE WHEN live.ctid IS NULL THEN ${keyDigest} ELSE ${rowDigest} END AS digest
    FROM ${stagingOf(table)} AS staged LEFT JOIN ${liveOf(table)} AS live ON ${isSame}
    WHERE live.ctid IS NULL OR ${rowsDiffer(table, table.columns)}`;
  if (mode === "MERGE") return merged;

  return sql`${merged} UNION ALL
    SELECT 'd'::"char", NULL, live.ctid, live.tableoid, ${rowDigest}
    FROM ${liveOf(table)} AS live
    WHERE NOT EXISTS (SELECT FROM ${stagingOf(table)} AS staged WHERE ${isSame})`;
}

/**
 * An update cannot give two rows each other's unique value, nor change an identity that is GENERATED ALWAYS; what was deleted can be
 * inserted with any.
 */
function needsReinsertion(table: RestoredTable): SQL {
  const columns = new Set(table.rivals.flatMap((rival) => rival.columns));
  for (const column of table.live.columns) if (column.identity === "ALWAYS") columns.add(column.name);
  return rowsDiffer(
    table,
    [...columns].filter((column) => table.stagedColumns.has(column)),
  );
}

/**
 * Without a key rows have no identity but their contents, as they are printed: as many as the backup has are to be there. Types
 * without equality or order (json, xml, point) do not allow anything finer.
 */
function byWholeRow(table: RestoredTable, mode: RestoreMode): SQL {
  const numbered = (alias: "live" | "staged", source: SQL): SQL => sql`
    SELECT place, place_table, image, row_number() OVER (PARTITION BY image ORDER BY place) AS copy FROM (
      SELECT ${sql.identifier(alias)}.ctid AS place, ${sql.identifier(alias)}.tableoid AS place_table,
        sha256(convert_to(${recordOf(alias, table.columns)}::text, getdatabaseencoding())) AS image
      FROM ${source} AS ${sql.identifier(alias)}) AS images`;
  return sql`SELECT (CASE WHEN live.place IS NULL THEN 'i' ELSE 'd' END)::"char" AS action,
      staged.place AS staged, live.place AS live, live.place_table AS live_table,
      ${digestOf(sql`encode(coalesce(staged.image, live.image), 'hex')`)} AS digest
    FROM (${numbered("staged", stagingOf(table))}) AS staged
    FULL JOIN (${numbered("live", liveOf(table))}) AS live ON live.image = staged.image AND live.copy = staged.copy
    WHERE live.place IS NULL ${mode === "REPLACE" ? sql`OR staged.place IS NULL` : sql.empty()}`;
}

function digestOf(value: SQL): SQL {
  return sql`hashtextextended(${value}::text, 0)`;
}

/** One table's differences, as they are told and as they are recognised again. */
export interface ComparedTable {
  readonly changes: TableChanges;
  /** The sum of hashes of what is written and of what it is written over. */
  readonly digest: string;
}

export function comparedTable(diff: TableDiff): ComparedTable {
  const { table, staged, counts, digest } = diff;
  const updated = countOf(diff, ["u", "r"]);
  const changes = {
    entity: table.entity,
    table: tableLabel(table.live),
    inserted: counts.i,
    updated,
    unchanged: staged - counts.i - updated,
    deleted: counts.d,
  };
  return { changes, digest };
}

/**
 * The same for the same differences and nothing else.
 * @param subject what is restored: the backup's identity and whatever was chosen from it
 * @param tables of all databases, in a fixed order
 */
export function planOf(subject: string, mode: RestoreMode, tables: readonly ComparedTable[]): string {
  const found = tables.map(({ changes, digest }) => {
    // One by one: what an earlier attempt did comes back from the database with its members in another order.
    const { entity, table, inserted, updated, unchanged, deleted } = changes;
    return [entity, table, inserted, updated, unchanged, deleted, digest];
  });
  return createHash("sha256")
    .update(JSON.stringify([subject, mode, found]))
    .digest("hex");
}
