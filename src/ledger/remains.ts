// What attempts have begun and may have left behind: noted before it is begun, so that whoever comes after can delete it.
import { and, eq, isNotNull } from "drizzle-orm";
import type { Ledger } from "./connect.ts";
import { heldBy, type Lease } from "./lease.ts";
import { runColumns, toRun, type Run } from "./run-row.ts";
import { runs } from "./tables.ts";

/**
 * Notes what an attempt is about to begin, in the place of what an earlier one has noted: that has to be gone by then.
 * @param id the artifact's, or the restore's own
 * @returns false if the run is no longer this lease's
 */
export async function noteUnfinished(ledger: Ledger, lease: Lease, id: string): Promise<boolean> {
  const rows = await ledger.db
    .update(runs)
    .set({ unfinishedId: id })
    .where(heldBy(lease))
    .returning({ id: runs.id });
  return rows.length > 0;
}

/** Takes the note back, where what was begun has come to nothing and left nothing; not of a run that is another lease's. */
export async function noteNothing(ledger: Ledger, lease: Lease): Promise<void> {
  await ledger.db.update(runs).set({ unfinishedId: null }).where(heldBy(lease));
}

/** After it was deleted; nothing happens if something else is noted by now. */
export async function forgetUnfinished(ledger: Ledger, runId: string, id: string): Promise<void> {
  await ledger.db
    .update(runs)
    .set({ unfinishedId: null })
    .where(and(eq(runs.id, runId), eq(runs.unfinishedId, id)));
}

/** Runs that have ended and may have left something behind: at most 100 at a time. */
export async function findRunsWithRemains(ledger: Ledger): Promise<Run[]> {
  const rows = await ledger.db
    .select(runColumns)
    .from(runs)
    .where(and(isNotNull(runs.unfinishedId), isNotNull(runs.finishedAt)))
    .limit(100);
  return rows.map(toRun);
}
