// Rows that a table would not take: staged rows against check constraints and partition bounds, asked before a live row is touched.
// What cannot be asked of staged rows (it looks at what the backup does not have) the database finds while applying.
import { sql, type SQL } from "drizzle-orm";
import { tableLabel } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { countOf, type Action, type TableDiff } from "./diff.ts";
import type { Check } from "./constraints.ts";
import { rowLabel } from "./row-label.ts";
import type { Session } from "./session.ts";
import { writtenRows } from "./written-rows.ts";

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
