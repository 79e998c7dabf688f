// Artifacts that are being read, and artifacts that are being deleted: never both. Whoever begins either locks the
// artifact's row first, so that any number of servers agree on which came first.
import { and, eq, gt, inArray, lt, sql, type SQL } from "drizzle-orm";
import { HoldfastError } from "../core/errors.ts";
import type { RunKind } from "../core/run.ts";
import type { Artifact } from "./artifacts.ts";
import type { Ledger } from "./connect.ts";
import { artifactReaders, artifacts, runs } from "./tables.ts";

/** The ledger's `db`, or a transaction of it: locks last as long as that. */
type Transaction = Pick<Ledger["db"], "select" | "insert" | "update" | "delete" | "execute">;

/** A reader that has said nothing for so long has died. It says something every few seconds. */
const READER_LIFETIME = sql`interval '30 seconds'`;

/** Of the lock that whoever writes an artifact's objects has on it: not its row's, which nobody should wait for so long. */
const writersKey = (artifactId: SQL | string): SQL => sql`hashtextextended(${artifactId}::text, 0)`;

/**
 * Keeps an artifact to oneself until the transaction ends, while it is brought in or given another key. Nobody waits for
 * that, which takes as long as the stores take: who comes to write or to read it is told.
 * @param artifactId also of one that the ledger does not know yet
 * @throws HoldfastError BACKUP_IN_USE
 */
export async function claimForWriting(tx: Transaction, artifactId: string): Promise<void> {
  const [row] = await tx.execute<{ free: boolean }>(
    sql`select pg_try_advisory_xact_lock(${writersKey(artifactId)}) as free`,
  );
  if (row?.free !== true) throw beingWritten(artifactId);
}

function beingWritten(artifactId: string): HoldfastError {
  return new HoldfastError(
    "BACKUP_IN_USE",
    `The artifact ${artifactId} is being brought in, or given another key, at this moment.`,
    { hint: "Wait until that has ended, then try again." },
  );
}

/** @throws HoldfastError BACKUP_IN_USE where somebody has claimed one of the backups' artifacts for writing */
export async function requireUnclaimed(tx: Transaction, backupIds: readonly string[]): Promise<void> {
  const found = await tx
    .select({
      id: artifacts.id,
      free: sql<boolean>`pg_try_advisory_xact_lock_shared(${writersKey(sql`${artifacts.id}`)})`,
    })
    .from(artifacts)
    .where(inArray(artifacts.runId, [...backupIds]));
  const taken = found.find(({ free }) => !free);
  if (taken !== undefined) throw beingWritten(taken.id);
}

/**
 * Keeps a backup from being deleted until the transaction ends; by then a run that reads it has been written.
 * @throws HoldfastError BACKUP_DELETED; BACKUP_IN_USE while it is being given another key
 */
export async function holdForReading(tx: Transaction, backupId: string): Promise<void> {
  await requireUnclaimed(tx, [backupId]);
  const [artifact] = await tx
    .select({ deletionRequestedAt: artifacts.deletionRequestedAt })
    .from(artifacts)
    .where(eq(artifacts.runId, backupId))
    .for("share");
  if (artifact !== undefined) requireKept(backupId, artifact);
}

/** @throws HoldfastError BACKUP_DELETED from the moment on when its deletion was asked for */
function requireKept(backupId: string, artifact: Pick<Artifact, "deletionRequestedAt">): void {
  if (artifact.deletionRequestedAt === null) return;
  const since = artifact.deletionRequestedAt.toISOString();
  throw new HoldfastError("BACKUP_DELETED", `The backup ${backupId} was deleted at ${since}.`);
}

/**
 * Notes somebody who reads a backup's artifact outside of any run.
 * @returns the reader's id, for `keepReading` and `endReading`
 * @throws HoldfastError BACKUP_DELETED; BACKUP_IN_USE while it is being given another key
 */
export async function beginReading(ledger: Ledger, artifact: Artifact): Promise<string> {
  return ledger.db.transaction(async (tx) => {
    await holdForReading(tx, artifact.runId);
    await tx.delete(artifactReaders).where(lt(artifactReaders.expiresAt, sql`now()`));
    const [reader] = await tx
      .insert(artifactReaders)
      .values({ artifactId: artifact.id, expiresAt: sql`now() + ${READER_LIFETIME}` })
      .returning({ id: artifactReaders.id });
    if (reader === undefined) throw new Error("a row that was inserted was not returned");
    return reader.id;
  });
}

/** To be called every few seconds. */
export async function keepReading(ledger: Ledger, readerId: string): Promise<void> {
  await ledger.db
    .update(artifactReaders)
    .set({ expiresAt: sql`now() + ${READER_LIFETIME}` })
    .where(eq(artifactReaders.id, readerId));
}

export async function endReading(ledger: Ledger, readerId: string): Promise<void> {
  await ledger.db.delete(artifactReaders).where(eq(artifactReaders.id, readerId));
}

/** What reads a backup just now, and so keeps it from being deleted. */
export type ArtifactUse =
  { readonly by: "run"; readonly kind: RunKind; readonly runId: string } | { readonly by: "download" };

/**
 * Locks the artifacts of these backups until the transaction ends: nothing begins to read them meanwhile, and nobody pins
 * or deletes them.
 * @returns those that are kept; in no order
 */
export async function lockArtifacts(tx: Transaction, backupIds: readonly string[]): Promise<Artifact[]> {
  if (backupIds.length === 0) return [];
  // Whoever gives one of them another key may take his time.
  await tx.execute(sql`select set_config('lock_timeout', '10s', true)`);
  const locked = await tx
    .select()
    .from(artifacts)
    .where(inArray(artifacts.runId, [...backupIds]))
    // In one order everywhere, so that two who lock several do not wait for each other.
    .orderBy(artifacts.id)
    .for("update");
  return locked.filter(({ deletionRequestedAt }) => deletionRequestedAt === null);
}

/**
 * Of artifacts that the transaction has locked: by the backup's id, what reads it now. Those that nothing reads are left out.
 */
export async function findUses(
  tx: Transaction,
  locked: readonly Artifact[],
): Promise<ReadonlyMap<string, ArtifactUse>> {
  if (locked.length === 0) return new Map();
  const backupIdOf = sql<string>`${runs.request} ->> 'backupId'`;
  const readingRuns = await tx
    .select({ backupId: backupIdOf, kind: runs.kind, runId: runs.id })
    .from(runs)
    .where(
      and(
        inArray(runs.status, ["QUEUED", "RUNNING"]),
        inArray(
          backupIdOf,
          locked.map(({ runId }) => runId),
        ),
      ),
    );
  const readers = await tx
    .select({ backupId: artifacts.runId })
    .from(artifactReaders)
    .innerJoin(artifacts, eq(artifacts.id, artifactReaders.artifactId))
    .where(
      and(
        gt(artifactReaders.expiresAt, sql`now()`),
        inArray(
          artifactReaders.artifactId,
          locked.map(({ id }) => id),
        ),
      ),
    );
  return new Map<string, ArtifactUse>([
    ...readers.map(({ backupId }) => [backupId, { by: "download" }] as const),
    ...readingRuns.map(({ backupId, kind, runId }) => [backupId, { by: "run", kind, runId }] as const),
  ]);
}
