// The differences of one table as the other steps see them: a row for each row that is to be inserted, updated or deleted, and the
// conditions by which staged and live rows are looked up in them.
import { sql, type SQL } from "drizzle-orm";
import type { RestoredTable } from "./restored-table.ts";

/** What happens to a row: `r` is an update that is carried out as a deletion and an insertion. */
export type Action = "i" | "u" | "r" | "d";

/** The differences of one table, counted. */
export interface TableDiff {
  readonly table: RestoredTable;
  /** The differences, to be put after FROM with an alias: action, staged (ctid), live (ctid), live_table (oid). Only for the transaction. */
  readonly rows: SQL;
  /** Rows that the backup has. */
  readonly staged: number;
  readonly counts: Readonly<Record<Action, number>>;
  /** The sum of hashes of what is written and of what it is written over. */
  readonly digest: string;
  /** Its rows, all of which are inserted, are in the live table already: it was empty, and they went ahead (early-inserts.ts). */
  readonly early: boolean;
}

export function countOf({ counts }: TableDiff, actions: readonly Action[]): number {
  return actions.reduce((sum, action) => sum + counts[action], 0);
}

/** That the differences' row `diff` is about the live row `live` (both are aliases). */
export function sameLiveRow(table: RestoredTable, live: string, diff: string): SQL {
  const l = sql.identifier(live);
  const d = sql.identifier(diff);
  const place = sql`${l}.ctid = ${d}.live`;
  return table.live.kind === "PARTITIONED" ? sql`${place} AND ${l}.tableoid = ${d}.live_table` : place;
}

export function isAction(diff: string, actions: readonly Action[]): SQL {
  const list = actions.map((action) => sql.raw(`'${action}'`));
  return sql`${sql.identifier(diff)}.action IN (${sql.join(list, sql`, `)})`;
}

/** That the live row `live` is touched by none of the actions. Where there are none, nothing is looked up. */
export function staysLive(diff: TableDiff, live: string, actions: readonly Action[]): SQL {
  if (countOf(diff, actions) === 0) return sql`true`;
  return sql`NOT EXISTS (SELECT FROM ${diff.rows} AS gone
    WHERE ${isAction("gone", actions)} AND ${sameLiveRow(diff.table, live, "gone")})`;
}

/** That the staged row `staged` is written by one of the actions. Where all or none are, nothing is looked up. */
export function isWritten(diff: TableDiff, staged: string, actions: readonly Action[]): SQL {
  const count = countOf(diff, actions);
  if (count === 0) return sql`false`;
  if (count === diff.staged) return sql`true`;
  return sql`${sql.identifier(staged)}.ctid IN (SELECT written.staged FROM ${diff.rows} AS written
    WHERE ${isAction("written", actions)})`;
}
