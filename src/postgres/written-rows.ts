// Rows as a restore will have written them: what the backup has of them, and what the live table has or will put into the columns that
// the backup does not have. For questions that are asked before anything is written.
import { sql, type SQL } from "drizzle-orm";
import { isAction, isWritten, sameLiveRow, type Action, type TableDiff } from "./diff.ts";
import { columnList } from "./quote.ts";
import { liveOf, stagingOf } from "./restored-table.ts";

/** To be put together as `FROM ${source} AS candidate WHERE ${condition}`. */
export interface WrittenRows {
  /** With the columns asked for, and the staged row's `ctid`. */
  readonly source: SQL;
  readonly condition: SQL;
}

/**
 * The rows that the actions write, with (at least) these columns of the live table.
 * @returns undefined where a value is not known before: a default that calls a function may have another one each time, or use up a
 *   sequence's
 */
export function writtenRows(
  diff: TableDiff,
  columns: readonly string[],
  actions: readonly Action[],
): WrittenRows | undefined {
  const { table } = diff;
  const missing = columns.filter((name) => !table.stagedColumns.has(name));
  if (missing.length === 0)
    return { source: stagingOf(table), condition: isWritten(diff, "candidate", actions) };
  const values: SQL[] = [];
  for (const name of missing) {
    const unknown = table.unknownColumns.find((column) => column.name === name);
    if (unknown === undefined || unknown.identity !== null || unknown.default?.includes("(") === true)
      return undefined;
    const column = sql.identifier(name);
    const fallback = sql.raw(unknown.default ?? "NULL");
    values.push(sql`CASE WHEN diff.action = 'i' THEN ${fallback} ELSE live.${column} END AS ${column}`);
  }
  const staged = table.stagedColumns.size === 0 ? [] : [columnList([...table.stagedColumns], "staged")];
  const source = sql`(SELECT staged.ctid AS ctid, ${sql.join([...staged, ...values], sql`, `)}
    FROM ${diff.rows} AS diff JOIN ${stagingOf(table)} AS staged ON staged.ctid = diff.staged
    LEFT JOIN ${liveOf(table)} AS live ON ${sameLiveRow(table, "live", "diff")}
    WHERE ${isAction("diff", actions)})`;
  return { source, condition: sql`true` };
}
