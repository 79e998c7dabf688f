// Whether a live and a staged row are the same to the byte, asked in the cheapest way that is sure.
import { sql, type SQL } from "drizzle-orm";
import { recordOf, type RestoredTable } from "./restored-table.ts";
import type { LiveColumn } from "./table-shape.ts";

/** Types whose equality is that of their bytes: not so of numeric (1.0 = 1.00), float (0 = -0), interval, jsonb, arrays of any. */
const EXACT = new Set([
  "boolean",
  "smallint",
  "integer",
  "bigint",
  "oid",
  "date",
  "time without time zone",
  "timestamp without time zone",
  "timestamp with time zone",
  "uuid",
  "bytea",
  "text",
  "character varying",
]);

/** The default collation of a database tells any two texts apart; another one need not. */
function isExact(column: LiveColumn | undefined): boolean {
  return column?.collation === null && EXACT.has(column.type.replace(/\(\d+\)/, ""));
}

/**
 * That the rows `live` and `staged` differ in one of the columns. What can be is compared by columns, which costs half of
 * putting records together; the rest as the bytes of two records. Where these differ the text decides, which is all that a backup
 * has of a value: an xml column, for one, keeps a declaration that it never prints.
 */
export function rowsDiffer(table: RestoredTable, columns: readonly string[]): SQL {
  const byName = new Map(table.live.columns.map((column) => [column.name, column]));
  const exact = columns.filter((name) => isExact(byName.get(name)));
  const others = columns.filter((name) => !isExact(byName.get(name)));
  const tests = exact.map(
    (name) => sql`live.${sql.identifier(name)} IS DISTINCT FROM staged.${sql.identifier(name)}`,
  );
  if (others.length > 0) {
    const [live, staged] = [recordOf("live", others), recordOf("staged", others)];
    tests.push(sql`(${live} *<> ${staged} AND ${live}::text IS DISTINCT FROM ${staged}::text)`);
  }
  return tests.length === 0 ? sql`false` : sql`(${sql.join(tests, sql` OR `)})`;
}
