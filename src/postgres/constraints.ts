// What the rows of a table have to be like: its check constraints and those of its partitions, and the partitions' bounds, as SQL that can
// be asked of staged rows.
import { sql } from "drizzle-orm";
import { wantedTables } from "./catalog-queries.ts";
import type { Session } from "./session.ts";

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

/** Columns that the constraints of a table look at. */
export function checkedColumns(checks: readonly Check[]): string[] {
  return checks.flatMap((check) => check.columns);
}
