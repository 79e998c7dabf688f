// Artifacts as the ledger knows them.
import { eq, inArray } from "drizzle-orm";
import type { Ledger } from "./connect.ts";
import { isRunId } from "./run-row.ts";
import { artifacts } from "./tables.ts";

export type Artifact = typeof artifacts.$inferSelect;
/** What a backup knows of the artifact that it has written. */
export type NewArtifact = Omit<typeof artifacts.$inferInsert, "runId" | "stores"> & {
  readonly stores: readonly string[];
};

/** Part of the transaction in which the run succeeds. */
export async function insertArtifact(
  tx: Pick<Ledger["db"], "insert">,
  runId: string,
  artifact: NewArtifact,
): Promise<void> {
  await tx.insert(artifacts).values({ ...artifact, stores: [...artifact.stores], runId });
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

/** In the transaction that has locked it. */
export async function setPinned(
  tx: Pick<Ledger["db"], "update">,
  { id }: Pick<Artifact, "id">,
  pinned: boolean,
): Promise<void> {
  await tx.update(artifacts).set({ pinned }).where(eq(artifacts.id, id));
}
