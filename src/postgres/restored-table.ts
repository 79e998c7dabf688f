// A table under restore: the backup's side, the live side and where its rows are staged, with the pieces of SQL that name them.
import { sql, type SQL } from "drizzle-orm";
import type { TableName } from "../core/catalog.ts";
import type { Check } from "./constraints.ts";
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
  /** What a row has to be like, beyond its columns' types. */
  readonly checks: readonly Check[];
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

/** The row's columns as one record, whose text and bytes can be compared. */
export function recordOf(alias: string, columns: readonly string[]): SQL {
  const values = columns.map((column) => sql`${sql.identifier(alias)}.${sql.identifier(column)}`);
  return sql`ROW(${sql.join(values, sql`, `)})::record`;
}
