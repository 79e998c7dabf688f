// Table locks, always taken in one order, so that two restores wait for each other instead of embracing.
import { sql } from "drizzle-orm";
import { tableLabel, type TableName } from "../core/catalog.ts";
import type { MatchedTables } from "./match-tables.ts";
import { tableIdentifier } from "./quote.ts";
import type { RestoredTable } from "./restored-table.ts";
import type { Session } from "./session.ts";

/** From the weakest to the strongest. */
const MODES = ["SHARE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"] as const;

export interface TableLock extends TableName {
  readonly partitioned: boolean;
  readonly mode: (typeof MODES)[number];
}

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

/**
 * Locks the tables, with their partitions, until the transaction ends; one that is named twice in the stronger mode.
 * @throws TABLE_LOCKED after the session's lock timeout; DATABASE_DENIED
 */
export async function lockTables(session: Session, locks: readonly TableLock[]): Promise<void> {
  const byName = Map.groupBy(locks, (lock) => JSON.stringify([lock.schema, lock.name]));
  const strongest = [...byName.values()].flatMap((same) => {
    const [lock] = same.toSorted((one, other) => MODES.indexOf(other.mode) - MODES.indexOf(one.mode));
    return lock ?? [];
  });
  const inOrder = strongest.toSorted((one, other) => (tableLabel(one) < tableLabel(other) ? -1 : 1));
  for (const lock of inOrder) {
    const table = lock.partitioned ? tableIdentifier(lock) : sql`ONLY ${tableIdentifier(lock)}`;
    await session.query(sql`LOCK TABLE ${table} IN ${sql.raw(lock.mode)} MODE`);
  }
}
