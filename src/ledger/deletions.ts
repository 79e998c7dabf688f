// Deleting artifacts, as the ledger knows it: asked for first, then carried out in the stores, then recorded as done.
// What is asked for and not done is found again after a crash, or once a store is back.
import { and, eq, inArray, isNotNull, isNull, sql } from "drizzle-orm";
import type { Artifact } from "./artifacts.ts";
import type { Ledger } from "./connect.ts";
import type { BackupRequest } from "./run-request.ts";
import { artifacts, runs } from "./tables.ts";

/**
 * From here on the backups are deleted, whatever becomes of their objects.
 * @param tx in which `lockArtifacts` has locked them
 * @param deletedBy the account's name; null: Holdfast itself
 */
export async function requestDeletions(
  tx: Pick<Ledger["db"], "update">,
  locked: readonly Artifact[],
  deletedBy: string | null,
): Promise<void> {
  if (locked.length === 0) return;
  await tx
    .update(artifacts)
    .set({ deletionRequestedAt: sql`now()`, deletedBy })
    .where(
      inArray(
        artifacts.id,
        locked.map(({ id }) => id),
      ),
    );
}

/** An artifact of which something may still be in a store. */
export interface Deletion {
  readonly artifactId: string;
  readonly backupId: string;
  /** Every store that it was to be in, whether it got there or not. */
  readonly stores: readonly string[];
}

/** The deletions that are asked for and not known to be done; the longest asked for first, at most 100. */
export async function findDeletions(ledger: Ledger): Promise<Deletion[]> {
  const rows = await ledger.db
    .select({ id: artifacts.id, runId: artifacts.runId, stores: artifacts.stores, request: runs.request })
    .from(artifacts)
    .innerJoin(runs, eq(runs.id, artifacts.runId))
    .where(and(isNotNull(artifacts.deletionRequestedAt), isNull(artifacts.deletedAt)))
    .orderBy(artifacts.deletionRequestedAt)
    .limit(100);
  return rows.map(({ id, runId, stores, request }) => ({
    artifactId: id,
    backupId: runId,
    stores: [...new Set([...stores, ...requestedStores(request)])],
  }));
}

function requestedStores(request: typeof runs.$inferSelect.request): readonly string[] {
  const isBackup = (one: typeof request): one is BackupRequest => "stores" in one;
  return isBackup(request) ? request.stores : [];
}

/** Once none of its stores has anything of it any more. May be called again. */
export async function recordDeleted(ledger: Ledger, artifactId: string): Promise<void> {
  await ledger.db
    .update(artifacts)
    .set({ deletedAt: sql`now()` })
    .where(and(eq(artifacts.id, artifactId), isNull(artifacts.deletedAt)));
}
