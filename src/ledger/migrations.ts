// Which migrations Holdfast's own database lacks, without applying them.
import path from "node:path";
import { readMigrationFiles } from "drizzle-orm/migrator";

const MIGRATIONS = path.join(import.meta.dirname, "../../migrations");

/** As the migrator writes them down: each migration's time, in milliseconds, in a table of this name. */
export const APPLIED = { schema: "drizzle", name: "__drizzle_migrations" } as const;

export interface MigrationState {
  /** How many are still to be applied. */
  readonly pending: number;
  /** Whether a later version of Holdfast has applied some that this one does not know. */
  readonly isAhead: boolean;
}

/** @param lastAppliedMs undefined: none has been */
export function migrationState(lastAppliedMs: number | undefined): MigrationState {
  const times = readMigrationFiles({ migrationsFolder: MIGRATIONS }).map(
    (migration) => migration.folderMillis,
  );
  const last = lastAppliedMs ?? -Infinity;
  return { pending: times.filter((time) => time > last).length, isAhead: last > Math.max(...times) };
}
