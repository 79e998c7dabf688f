// Carries the differences out: deletions of all tables, then updates, then insertions. With triggers and foreign keys at rest no
// order between tables matters; rows that are to have each other's unique values are gone before they come back.
import { sql, type SQL } from "drizzle-orm";
import { tableLabel } from "../core/catalog.ts";
import { countOf, isAction, sameLiveRow, type Action, type TableDiff } from "./diff.ts";
import { requiredColumns, schemaDrift } from "./drift.ts";
import { columnList } from "./quote.ts";
import { liveOf, stagingOf, type RestoredTable } from "./restored-table.ts";
import type { Session } from "./session.ts";

/**
 * To be called in the transaction that compared, with triggers and foreign keys at rest.
 * @param onRows called after each statement with the table and how many rows of it were touched
 * @throws the database's refusals, after which the transaction can only be rolled back
 */
export async function applyDiffs(
  session: Session,
  diffs: readonly TableDiff[],
  onRows: (table: RestoredTable, rows: number) => void,
): Promise<void> {
  const steps = [deleteRows, updateRows, insertRows];
  for (const step of steps) {
    for (const diff of diffs) {
      const touched = await step(session, diff);
      if (touched > 0) onRows(diff.table, touched);
    }
  }
}

/** @throws SCHEMA_DRIFT where rows would be inserted without a value that a column must have */
export function checkInsertable(diffs: readonly TableDiff[]): void {
  const faults = diffs
    .filter(({ counts }) => counts.i > 0)
    .flatMap(({ table }) =>
      requiredColumns(table).map(
        (column) =>
          `${tableLabel(table.live)} has the column ${column}, which must have a value and is not in the backup`,
      ),
    );
  if (faults.length > 0) throw schemaDrift(faults);
}

/** A statement that touches another number of rows than were compared has not found the tables that were compared. */
async function expectRows(
  session: Session,
  diff: TableDiff,
  actions: readonly Action[],
  statement: SQL,
): Promise<number> {
  const expected = countOf(diff, actions);
  if (expected === 0) return 0;
  const touched = await session.query(statement);
  if (touched === expected) return touched;
  const label = tableLabel(diff.table.live);
  throw new Error(`${label}: ${touched} rows were touched where ${expected} differ (${actions.join()})`);
}

async function deleteRows(session: Session, diff: TableDiff): Promise<number> {
  await keepUnknownValues(session, diff);
  return expectRows(session, diff, ["d", "r"], deletion(diff));
}

async function updateRows(session: Session, diff: TableDiff): Promise<number> {
  return expectRows(session, diff, ["u"], update(diff));
}

function deletion({ table, rows }: TableDiff): SQL {
  return sql`DELETE FROM ${liveOf(table)} AS live USING ${rows} AS diff
    WHERE ${isAction("diff", ["d", "r"])} AND ${sameLiveRow(table, "live", "diff")}`;
}

function update({ table, rows }: TableDiff): SQL {
  const always = new Set(
    table.live.columns.filter((column) => column.identity === "ALWAYS").map((column) => column.name),
  );
  const assignments = table.columns
    .filter((column) => !always.has(column))
    .map((column) => sql`${sql.identifier(column)} = staged.${sql.identifier(column)}`);
  return sql`UPDATE ${liveOf(table)} AS live SET ${sql.join(assignments, sql`, `)}
    FROM ${rows} AS diff JOIN ${stagingOf(table)} AS staged ON staged.ctid = diff.staged
    WHERE ${isAction("diff", ["u"])} AND ${sameLiveRow(table, "live", "diff")}`;
}

/** Where the values of columns that the backup does not know wait for their rows. Only for the transaction. */
function keptOf(table: RestoredTable): SQL {
  return sql`pg_temp.${sql.identifier(`holdfast_kept_${table.number}`)}`;
}

/** Rows that are inserted again get back what only the live table knows of them. */
async function keepUnknownValues(session: Session, { table, counts, rows }: TableDiff): Promise<void> {
  if (counts.r === 0 || table.unknownColumns.length === 0) return;
  const unknown = table.unknownColumns.map((column) => column.name);
  await session.query(sql`CREATE TEMPORARY TABLE ${keptOf(table)} ON COMMIT DROP AS
    SELECT diff.staged AS holdfast_staged, ${columnList(unknown, "live")}
    FROM ${rows} AS diff JOIN ${liveOf(table)} AS live ON ${sameLiveRow(table, "live", "diff")}
    WHERE ${isAction("diff", ["r"])}`);
}

/** Columns that the backup does not know get their defaults in rows that were not there. */
async function insertRows(session: Session, diff: TableDiff): Promise<number> {
  const { table, counts, staged, rows } = diff;
  const keeps = counts.r > 0 && table.unknownColumns.length > 0;
  const actions: Action[] = keeps ? ["i"] : ["i", "r"];
  const columns = columnList(table.columns, "staged");
  // Where all staged rows are new there is nothing to look up.
  const source =
    counts.i === staged
      ? stagedRows(table, sql`true`)
      : sql`SELECT ${columns} FROM ${rows} AS diff JOIN ${stagingOf(table)} AS staged ON staged.ctid = diff.staged
          WHERE ${isAction("diff", actions)}`;
  const inserted = await expectRows(session, diff, actions, insertion(table, table.columns, source));
  if (!keeps) return inserted;
  const unknown = table.unknownColumns.map((column) => column.name);
  const again = sql`SELECT ${columns}, ${columnList(unknown, "kept")} FROM ${keptOf(table)} AS kept
    JOIN ${stagingOf(table)} AS staged ON staged.ctid = kept.holdfast_staged`;
  return (
    inserted +
    (await expectRows(session, diff, ["r"], insertion(table, [...table.columns, ...unknown], again)))
  );
}

/**
 * Inserts those of the rows staged for a table for which the condition holds, on a row `staged`. Triggers and foreign keys are at rest.
 * @returns how many there were
 */
export function insertStaged(session: Session, table: RestoredTable, condition: SQL): Promise<number> {
  return session.query(insertion(table, table.columns, stagedRows(table, condition)));
}

function stagedRows(table: RestoredTable, condition: SQL): SQL {
  return sql`SELECT ${columnList(table.columns, "staged")} FROM ${stagingOf(table)} AS staged WHERE ${condition}`;
}

function insertion(table: RestoredTable, columns: readonly string[], source: SQL): SQL {
  // INSERT INTO takes no ONLY: it never goes to tables that inherit.
  const target = sql`${sql.identifier(table.live.schema)}.${sql.identifier(table.live.name)}`;
  // A row may have no column that anybody gives a value: an empty list is no SQL.
  const list = columns.length === 0 ? sql.empty() : sql`(${columnList(columns)})`;
  return sql`INSERT INTO ${target} ${list} OVERRIDING SYSTEM VALUE ${source}`;
}
