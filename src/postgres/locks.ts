// Table locks, always taken in one order, so that two restores wait for each other instead of embracing.
import { sql } from "drizzle-orm";
import { tableLabel, type TableName } from "../core/catalog.ts";
import { tableIdentifier } from "./quote.ts";
import type { Session } from "./session.ts";

/** From the weakest to the strongest. */
const MODES = ["SHARE", "SHARE ROW EXCLUSIVE", "ACCESS EXCLUSIVE"] as const;

export interface TableLock extends TableName {
  readonly partitioned: boolean;
  readonly mode: (typeof MODES)[number];
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
