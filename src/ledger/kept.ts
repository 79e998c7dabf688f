// Artifacts that came into the ledger otherwise than by a run of this Holdfast: imported, or found in a store; and what
// becomes known of them, or changes, later.
import { randomUUID } from "node:crypto";
import { and, arrayContains, desc, eq, isNull, or, sql } from "drizzle-orm";
import type { EncryptionKind } from "../core/artifact.ts";
import { NO_PROGRESS } from "../core/run.ts";
import type { Artifact } from "./artifacts.ts";
import type { Ledger } from "./connect.ts";
import { announcedRunColumns, isRunId, nextRevision, toRun, type BackupRun } from "./run-row.ts";
import type { BackupRequest } from "./run-request.ts";
import { artifacts, runs, type ArtifactContent } from "./tables.ts";

type Database = Pick<Ledger["db"], "select" | "insert" | "update" | "delete">;

/** An artifact that was made elsewhere, as it says itself. */
export interface ForeignArtifact {
  readonly id: string;
  readonly createdAt: Date;
  readonly encryption: EncryptionKind;
  readonly sizeBytes: number;
  readonly stores: readonly string[];
  /** Names of entities: those in it, or, as long as that is not known, all that it might hold. */
  readonly entities: readonly string[];
  /** Empty: it is encrypted, and nobody has opened it yet. */
  readonly contents: readonly ArtifactContent[];
  readonly origin: "IMPORTED" | "FOUND";
  /** As in the table. */
  readonly manifestSha256: string;
  readonly signedBy: string | null;
  /** The account's name; null: nobody in particular. */
  readonly requestedBy: string | null;
}

/** @returns also one that is deleted; undefined: there is none */
export async function findArtifactById(db: Database, id: string): Promise<Artifact | undefined> {
  const [row] = isRunId(id) ? await db.select().from(artifacts).where(eq(artifacts.id, id)) : [];
  return row;
}

/**
 * Lists it as a backup that has SUCCEEDED when it was made. One of the same id that is deleted, objects and all, gives way.
 * @returns its run; undefined where it is listed already
 */
export async function recordForeignArtifact(
  ledger: Ledger,
  artifact: ForeignArtifact,
): Promise<BackupRun | undefined> {
  return ledger.db.transaction(async (tx) => {
    const { id, createdAt, encryption, sizeBytes, stores, entities, contents, origin } = artifact;
    const { manifestSha256, signedBy } = artifact;
    const runId = randomUUID();
    const request: BackupRequest = { label: null, encryption, recipients: [], stores: [...stores] };
    const counts = { rows: total(contents, "rows"), rawBytes: total(contents, "rawBytes") };
    const [run] = await tx
      .insert(runs)
      .values({
        ...{ id: runId, kind: "BACKUP", status: "SUCCEEDED", entities: [...entities], request },
        progress: { ...NO_PROGRESS, phase: "done", percent: 100, rows: counts.rows, bytes: counts.rawBytes },
        requestedBy: artifact.requestedBy,
        ...{ createdAt, finishedAt: createdAt },
      })
      .returning(announcedRunColumns);
    await tx.delete(artifacts).where(and(eq(artifacts.id, id), sql`${artifacts.deletedAt} is not null`));
    const inserted = await tx
      .insert(artifacts)
      .values({
        ...{ id, runId, encryption, sizeBytes, origin, ...counts, createdAt, manifestSha256, signedBy },
        stores: [...stores],
        contents: [...contents],
      })
      .onConflictDoNothing({ target: artifacts.id })
      .returning({ id: artifacts.id });
    const made = run && toRun(run);
    if (inserted.length > 0 && made?.kind === "BACKUP") return made;
    await tx.delete(runs).where(eq(runs.id, runId));
    return undefined;
  });
}

function total(contents: readonly ArtifactContent[], key: "rows" | "rawBytes"): number {
  return contents.reduce((sum, content) => sum + content[key], 0);
}

/** Notes that another store has it, too. */
export async function addStore(ledger: Ledger, id: string, store: string): Promise<void> {
  await ledger.db
    .update(artifacts)
    .set({ stores: sql`array_append(${artifacts.stores}, ${store})` })
    .where(and(eq(artifacts.id, id), sql`not ${arrayContains(artifacts.stores, [store])}`));
}

/** Notes what is in an artifact of which that was not known; otherwise nothing happens. */
export async function learnContents(
  ledger: Ledger,
  artifact: Pick<Artifact, "id" | "runId">,
  found: { readonly entities: readonly string[]; readonly contents: readonly ArtifactContent[] },
): Promise<void> {
  await ledger.db.transaction(async (tx) => {
    const updated = await tx
      .update(artifacts)
      .set({
        contents: [...found.contents],
        rows: total(found.contents, "rows"),
        rawBytes: total(found.contents, "rawBytes"),
      })
      .where(and(eq(artifacts.id, artifact.id), sql`${artifacts.contents} = '[]'::jsonb`))
      .returning({ id: artifacts.id });
    if (updated.length === 0) return;
    await tx
      .update(runs)
      .set({ entities: [...found.entities], revision: nextRevision })
      .where(eq(runs.id, artifact.runId))
      .returning({ announced: announcedRunColumns.announced });
  });
}

/** Artifacts of this installation that were made by a version which did not note down the hashes of manifests. */
export async function findUnpinned(ledger: Ledger, count: number): Promise<Artifact[]> {
  return ledger.db
    .select()
    .from(artifacts)
    .where(
      and(
        eq(artifacts.origin, "MADE"),
        isNull(artifacts.manifestSha256),
        isNull(artifacts.deletionRequestedAt),
      ),
    )
    .orderBy(desc(artifacts.createdAt))
    .limit(count);
}

/** Notes what an artifact is, as it was found where it is kept; what is noted already stays. */
export async function pinArtifact(
  ledger: Ledger,
  id: string,
  found: Pick<ForeignArtifact, "manifestSha256" | "signedBy">,
): Promise<void> {
  await ledger.db
    .update(artifacts)
    .set({ manifestSha256: found.manifestSha256, signedBy: found.signedBy })
    .where(and(eq(artifacts.id, id), isNull(artifacts.manifestSha256)));
}

/** Part of the transaction that has locked it: the artifact opens with another key from now on. */
export async function recordRekeyed(
  tx: Pick<Ledger["db"], "update">,
  artifact: Pick<Artifact, "id" | "runId">,
  key: {
    readonly encryption: EncryptionKind;
    readonly recipients: readonly string[];
    readonly sizeBytes: number;
    readonly manifestSha256: string;
    readonly signedBy: string | null;
  },
): Promise<void> {
  const { recipients, ...facts } = key;
  const { encryption } = facts;
  await tx.update(artifacts).set(facts).where(eq(artifacts.id, artifact.id));
  await tx
    .update(runs)
    .set({
      request: sql`${runs.request} || ${JSON.stringify({ encryption, recipients })}::jsonb`,
      revision: nextRevision,
    })
    .where(eq(runs.id, artifact.runId))
    .returning({ announced: announcedRunColumns.announced });
}

/** Whether an attempt at a run that has not ended, or has not been cleaned up after, is writing the artifact. */
export async function isBeingWritten(ledger: Ledger, id: string): Promise<boolean> {
  const rows = await ledger.db
    .select({ id: runs.id })
    .from(runs)
    .where(and(eq(runs.unfinishedId, id), or(isNull(runs.finishedAt), eq(runs.kind, "BACKUP"))))
    .limit(1);
  return rows.length > 0;
}
