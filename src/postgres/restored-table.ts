// A table under restore: the backup's side, the live side, where its rows are staged and where its differences stand, with the
// pieces of SQL that every step of a restore is made of.
import { sql, type SQL } from "drizzle-orm";
import type { TableName } from "../core/catalog.ts";
import type { Fit } from "./drift.ts";
import { tableIdentifier } from "./quote.ts";
import type { Rival } from "./rivals.ts";

/** A generated column that staging computes as the live table does, because a foreign key or a unique index looks at it. */
export interface ComputedColumn {
  readonly table: number;
  readonly name: string;
  readonly type: string;
  readonly expression: string;
  /** The columns that the expression looks at. */
  readonly needs: readonly string[];
}

export interface RestoredTable extends Fit {
  /** Counts from 1; names what is made for the table. */
  readonly number: number;
  readonly entity: string;
  /** Where the backup's rows are loaded. */
  readonly staging: TableName;
  readonly computed: readonly ComputedColumn[];
  /** What the staging table has: `columns` and the computed ones. */
  readonly stagedColumns: ReadonlySet<string>;
  /** The key's columns with the operators under which they are equal; empty: rows are compared as a whole. */
  readonly matching: readonly { readonly column: string; readonly operator: string }[];
  /** What forbids two rows at a time, the key's own index among them. */
  readonly rivals: readonly Rival[];
}

/** What happens to a row: `r` is an update that is carried out as a deletion and an insertion. */
export type Action = "i" | "u" | "r" | "d";

/** Where the differences stand: action, staged (ctid), live (ctid), live_table (oid), digest. Only for the transaction. */
export function diffOf(table: RestoredTable): SQL {
  return sql`pg_temp.${sql.identifier(`holdfast_diff_${table.number}`)}`;
}

/** Values of columns that the backup does not know, of rows that are deleted and inserted again. Only for the transaction. */
export function keptOf(table: RestoredTable): SQL {
  return sql`pg_temp.${sql.identifier(`holdfast_kept_${table.number}`)}`;
}

export function stagingOf(table: RestoredTable): SQL {
  return tableIdentifier(table.staging);
}

/** The live table without those that inherit from it; a partitioned table is its partitions. */
export function liveOf(table: RestoredTable): SQL {
  return relation(table.live, table.live.kind === "PARTITIONED");
}

export function relation(name: TableName, partitioned: boolean): SQL {
  return partitioned ? tableIdentifier(name) : sql`ONLY ${tableIdentifier(name)}`;
}

/** That the differences' row `diff` is about the live row `live` (both are aliases). */
export function sameLiveRow(table: RestoredTable, live: string, diff: string): SQL {
  const l = sql.identifier(live);
  const d = sql.identifier(diff);
  const place = sql`${l}.ctid = ${d}.live`;
  return table.live.kind === "PARTITIONED" ? sql`${place} AND ${l}.tableoid = ${d}.live_table` : place;
}

/** That the live row `live` is not touched by any of the actions. */
export function staysLive(table: RestoredTable, live: string, actions: readonly Action[]): SQL {
  return sql`NOT EXISTS (SELECT FROM ${diffOf(table)} AS gone
    WHERE ${isAction("gone", actions)} AND ${sameLiveRow(table, live, "gone")})`;
}

/** That the staged row `staged` is written by one of the actions. */
export function isWritten(table: RestoredTable, staged: string, actions: readonly Action[]): SQL {
  return sql`${sql.identifier(staged)}.ctid IN (SELECT written.staged FROM ${diffOf(table)} AS written
    WHERE ${isAction("written", actions)})`;
}

export function isAction(diff: string, actions: readonly Action[]): SQL {
  const list = actions.map((action) => sql.raw(`'${action}'`));
  return sql`${sql.identifier(diff)}.action IN (${sql.join(list, sql`, `)})`;
}

/** The row's columns as one record, whose text and bytes can be compared. */
export function recordOf(alias: string, columns: readonly string[]): SQL {
  const values = columns.map((column) => sql`${sql.identifier(alias)}.${sql.identifier(column)}`);
  return sql`ROW(${sql.join(values, sql`, `)})::record`;
}
