// Rows that a table would not take: staged rows against check constraints and partition bounds, asked before a live row is touched.
// What cannot be asked of staged rows (it looks at what the backup does not have) the database finds while applying.
import { sql, type SQL } from "drizzle-orm";
import { tableLabel } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { wantedTables } from "./catalog-queries.ts";
import { countOf, type Action, type TableDiff } from "./diff.ts";
import { rowLabel } from "./row-label.ts";
import type { Session } from "./session.ts";
import { writtenRows } from "./written-rows.ts";

/** What the rows of a table have to be like. */
export interface Check {
  /** The constraint's; null: that there is a partition for the row. */
  readonly name: string | null;
  /** SQL over the table's own columns, unqualified: a row of which it is false is refused. */
  readonly expression: string;
  /** The bounds of the partition whose own constraint it is. */
  readonly within: string | null;
  /** Every column that a constraint looks at; empty for partitions. */
  readonly columns: readonly string[];
}

/** Some rows that are refused. */
export interface Violation {
  /** `schema.name` */
  readonly table: string;
  /** Null: there is no partition for the rows. */
  readonly constraint: string | null;
  readonly rows: number;
  /** A few of the rows, by their keys: `id = 1`. Empty where the table has none. */
  readonly examples: readonly string[];
}

const WRITTEN: readonly Action[] = ["i", "u", "r"];
const NAMED_ROWS = 5;

/** By the table's oid. Constraints that are not enforced, or that look at a row's place, are left out. */
export async function readChecks(session: Session, oids: readonly number[]): Promise<Map<number, Check[]>> {
  const rows = await session.rows<Check & { table: number }>(sql`
    WITH part AS (
      SELECT wanted.oid AS root, c.oid, true AS is_root, c.relkind <> 'p' AS is_leaf
      FROM ${wantedTables(oids)} JOIN pg_class c ON c.oid = wanted.oid
      UNION ALL
      SELECT wanted.oid, tree.relid, false, tree.isleaf
      FROM ${wantedTables(oids)} JOIN pg_class c ON c.oid = wanted.oid AND c.relkind = 'p', pg_partition_tree(c.oid) AS tree
      WHERE tree.relid <> wanted.oid)
    SELECT part.root AS table, k.conname::text AS name, pg_get_expr(k.conbin, k.conrelid) AS expression,
      CASE WHEN NOT part.is_root THEN pg_get_partition_constraintdef(part.oid) END AS within,
      (SELECT coalesce(json_agg(a.attname), '[]') FROM pg_attribute a
        WHERE a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)) AS columns
    FROM part JOIN pg_constraint k ON k.conrelid = part.oid AND k.contype = 'c'
    WHERE (part.is_root OR k.coninhcount = 0) AND 0 < ALL(coalesce(k.conkey, '{}'))
      AND coalesce((to_jsonb(k) ->> 'conenforced')::bool, true)
    UNION ALL
    SELECT part.root, NULL, string_agg('(' || coalesce(pg_get_partition_constraintdef(part.oid), 'true') || ')', ' OR '), NULL, '[]'::json
    FROM part WHERE part.is_leaf
    GROUP BY part.root HAVING bool_and(pg_get_partition_constraintdef(part.oid) IS NOT NULL)
    UNION ALL
    SELECT part.root, NULL, 'false', NULL, '[]'::json
    FROM part GROUP BY part.root HAVING NOT bool_or(part.is_leaf)
    ORDER BY 1, 2`);
  return Map.groupBy(rows, (row) => row.table);
}

/** @throws CONSTRAINT_VIOLATED naming every constraint with some of the rows, as `details.violations` */
export async function checkConstraints(session: Session, diffs: readonly TableDiff[]): Promise<void> {
  const violations: Violation[] = [];
  const clauses: string[] = [];
  for (const diff of diffs) {
    if (countOf(diff, WRITTEN) === 0) continue;
    for (const check of diff.table.checks) {
      const found = await violationOf(session, diff, check);
      if (found === undefined) continue;
      violations.push(found);
      clauses.push(clauseOf(found, check));
    }
  }
  if (violations.length === 0) return;
  throw new HoldfastError("CONSTRAINT_VIOLATED", `Nothing was changed. ${clauses.join("; ")}.`, {
    hint: "Drop the constraint until the rows are back and mended, add the partition, or restore only rows that fit.",
    details: { violations },
  });
}

async function violationOf(session: Session, diff: TableDiff, check: Check): Promise<Violation | undefined> {
  const written = writtenRows(diff, check.columns, WRITTEN);
  if (written === undefined) return undefined;
  const within = check.within === null ? sql`true` : sql`(${sql.raw(check.within)})`;
  const statement = sql`SELECT (count(*) OVER ())::float8 AS rows, ${rowLabel(diff.table.key)} AS label
    FROM ${written.source} AS candidate WHERE ${written.condition} AND ${within} AND (${sql.raw(check.expression)}) IS FALSE LIMIT ${sql.raw(String(NAMED_ROWS))}`;
  const found = await ask<{ rows: number; label: string }>(session, statement);
  const [first] = found;
  if (first === undefined) return undefined;
  const examples = found.map((row) => row.label).filter((label) => label !== "");
  return { table: tableLabel(diff.table.live), constraint: check.name, rows: first.rows, examples };
}

/** No row where the question cannot be put: an expression may name what only the live table has, or fail on a value. */
async function ask<Row extends object>(session: Session, statement: SQL): Promise<Row[]> {
  await session.query("SAVEPOINT holdfast_check");
  try {
    const rows = await session.rows<Row>(statement);
    await session.query("RELEASE SAVEPOINT holdfast_check");
    return rows;
  } catch {
    // Throws itself if it was the connection that failed, or the caller who gave up.
    await session.query("ROLLBACK TO SAVEPOINT holdfast_check");
    return [];
  }
}

function clauseOf({ table, constraint, rows, examples }: Violation, check: Check): string {
  const count = rows === 1 ? "1 row of the backup" : `${rows} rows of the backup`;
  const examplesText = examples.length === 0 ? "" : `, for example ${examples.join("; ")}`;
  return constraint === null
    ? `${table} has no partition for ${count}${examplesText}`
    : `${table}: ${count} would violate ${constraint}, ${check.expression}${examplesText}`;
}

/** Columns that the constraints of a table look at. */
export function checkedColumns(checks: readonly Check[]): string[] {
  return checks.flatMap((check) => check.columns);
}
