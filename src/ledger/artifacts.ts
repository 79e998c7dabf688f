// Artifacts as the ledger knows them, and what attempts that came to nothing may have left of theirs in the stores.
import { and, eq, inArray, isNotNull, sql } from "drizzle-orm";
import type { Ledger } from "./connect.ts";
import { heldBy, type Lease } from "./lease.ts";
import { isRunId } from "./run-row.ts";
import { artifacts, runs } from "./tables.ts";

export type Artifact = typeof artifacts.$inferSelect;
/** What a backup knows of the artifact that it has written. */
export type NewArtifact = Omit<Artifact, "runId" | "pinned" | "createdAt">;

/** Part of the transaction in which the run succeeds. */
export async function insertArtifact(
  tx: Pick<Ledger["db"], "insert">,
  runId: string,
  artifact: NewArtifact,
): Promise<void> {
  await tx.insert(artifacts).values({ ...artifact, runId });
}

/** The artifacts of these backups, in no order; only a backup that SUCCEEDED has one. */
export async function findArtifacts(ledger: Ledger, runIds: readonly string[]): Promise<Artifact[]> {
  const known = runIds.filter(isRunId);
  return known.length === 0 ? [] : ledger.db.select().from(artifacts).where(inArray(artifacts.runId, known));
}

export async function findArtifact(ledger: Ledger, runId: string): Promise<Artifact | undefined> {
  const [artifact] = await findArtifacts(ledger, [runId]);
  return artifact;
}

/**
 * Notes which artifact an attempt is going to write, before it writes anything: whoever comes after can then delete it.
 * What an earlier attempt noted must have been deleted by then.
 * @returns false if the run is no longer this lease's
 */
export async function noteUnfinishedArtifact(
  ledger: Ledger,
  lease: Lease,
  artifactId: string,
): Promise<boolean> {
  const rows = await ledger.db
    .update(runs)
    .set({ unfinishedArtifactId: artifactId })
    .where(heldBy(lease))
    .returning({ id: runs.id });
  return rows.length > 0;
}

/** After an unfinished artifact was deleted from the stores; nothing happens if another is noted by now. */
export async function forgetUnfinishedArtifact(
  ledger: Ledger,
  runId: string,
  artifactId: string,
): Promise<void> {
  await ledger.db
    .update(runs)
    .set({ unfinishedArtifactId: null })
    .where(and(eq(runs.id, runId), eq(runs.unfinishedArtifactId, artifactId)));
}

/** An artifact that was begun and will not be finished. */
export interface Remains {
  readonly runId: string;
  readonly artifactId: string;
  /** Names of the stores that it was written to. */
  readonly stores: readonly string[];
}

/** What runs that have ended left behind because their last worker died: at most 100 at a time. */
export async function findRemains(ledger: Ledger): Promise<Remains[]> {
  const rows = await ledger.db
    .select({
      runId: runs.id,
      artifactId: runs.unfinishedArtifactId,
      stores: sql<string[]>`${runs.request} -> 'stores'`,
    })
    .from(runs)
    .where(and(isNotNull(runs.unfinishedArtifactId), isNotNull(runs.finishedAt)))
    .limit(100);
  return rows.flatMap(({ artifactId, ...row }) => (artifactId === null ? [] : [{ ...row, artifactId }]));
}
