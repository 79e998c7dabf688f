// Questions about tables as they will be once a restore is applied, asked before anything is written.
import { sql, type SQL } from "drizzle-orm";
import { tableKey, type TableName } from "../core/catalog.ts";
import { countOf, isWritten, staysLive, type TableDiff } from "./diff.ts";
import { columnList, tableIdentifier } from "./quote.ts";
import { liveOf, stagingOf } from "./restored-table.ts";

/** The named columns of a table's rows as they will be: a query. */
export type RowsThen = (table: TableName, columns: readonly string[]) => SQL;

export interface Foresight {
  readonly database: string;
  /** Asked only where one of these is changed. */
  readonly tables: readonly TableName[];
  readonly question: (rowsThen: RowsThen) => SQL;
  /** Given the answer's rows. What it throws ends the restore, and nothing is changed. */
  readonly consider: (answer: readonly Record<string, unknown>[]) => void;
}

const WRITTEN = ["i", "u", "r"] as const;
const GONE = ["u", "r", "d"] as const;

/** @returns the question; undefined: nothing that it is about is changed */
export function askOf(foresight: Foresight, diffs: readonly TableDiff[]): SQL | undefined {
  const byName = new Map(diffs.map((diff) => [keyOf(diff.table.live), diff]));
  const isChanged = (table: TableName): boolean => {
    const diff = byName.get(keyOf(table));
    return diff !== undefined && countOf(diff, ["i", "u", "r", "d"]) > 0;
  };
  if (!foresight.tables.some(isChanged)) return undefined;
  return foresight.question((table, columns) => {
    const diff = byName.get(keyOf(table));
    const names = columnList(columns);
    if (diff === undefined) return sql`SELECT ${names} FROM ${tableIdentifier(table)}`;
    if (diff.early) return sql`SELECT ${names} FROM ${liveOf(diff.table)}`;
    // A column that the backup does not know is NULL in its rows here.
    const staged = columns.map((column) =>
      diff.table.stagedColumns.has(column) ? sql`staged.${sql.identifier(column)}` : sql`NULL`,
    );
    return sql`SELECT ${columnList(columns, "live")} FROM ${liveOf(diff.table)} AS live
        WHERE ${staysLive(diff, "live", GONE)}
      UNION ALL SELECT ${sql.join(staged, sql`, `)} FROM ${stagingOf(diff.table)} AS staged
        WHERE ${isWritten(diff, "staged", WRITTEN)}`;
  });
}

const keyOf = (table: TableName): string => tableKey("", table);
