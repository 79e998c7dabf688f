// What a restore locks while it is applied.
import type { TableLock } from "./locks.ts";
import type { MatchedTables } from "./match-tables.ts";
import type { RestoredTable } from "./restored-table.ts";

/** Holds those off who would write into the table, and not those who read it. */
export function lockOf({ live: { schema, name, kind } }: RestoredTable): TableLock {
  return { schema, name, partitioned: kind === "PARTITIONED", mode: "SHARE ROW EXCLUSIVE" };
}

/** Writers wait for a restore, readers do not; nor may anybody change what foreign keys refer to or from. */
export function locksOf({ tables, foreignKeys }: MatchedTables): TableLock[] {
  const neighbours = [
    ...foreignKeys.outgoing.map((key): TableLock => ({ ...key.to, mode: "SHARE" })),
    ...foreignKeys.incoming.map((key): TableLock => ({ ...key.from, mode: "SHARE" })),
  ];
  return [...tables.map(lockOf), ...neighbours];
}
