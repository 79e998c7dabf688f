// Runs that nobody carries any more: found by what was last heard of them, and put back where a worker can take them.
import { and, eq, lt, sql } from "drizzle-orm";
import { ERRORS } from "../core/errors.ts";
import type { Ledger } from "./connect.ts";
import { leaveRuns, type Failure } from "./lease.ts";
import { hasRunId, runColumns, toRun, type Run } from "./run-row.ts";
import { runs } from "./tables.ts";

/** Why a run failed whose workers were lost, one after another. */
export const WORKER_LOST: Failure = {
  code: "WORKER_LOST",
  message: "Every worker that took the run up has died or lost its connection.",
  hint: ERRORS.WORKER_LOST.hint,
};

const silentFor = (ms: number) => lt(runs.heartbeatAt, sql`now() - make_interval(secs => ${ms / 1000})`);

/**
 * Ends the attempts of workers that have fallen silent: their runs are QUEUED again, CANCELLED where that was asked for,
 * or FAILED with WORKER_LOST where it has happened too often. Several processes may do so at once.
 * @param scope.runId left out: all runs
 * @returns the runs that it ended an attempt of, as they are then
 */
export async function recoverLostRuns(
  ledger: Ledger,
  scope: { readonly silentForMs: number; readonly runId?: string },
): Promise<Run[]> {
  const lost = and(
    eq(runs.status, "RUNNING"),
    silentFor(scope.silentForMs),
    scope.runId === undefined ? undefined : eq(runs.id, scope.runId),
  );
  return leaveRuns(ledger, lost, WORKER_LOST);
}

/** QUEUED runs of which nobody has lately made sure that a job carries them: the longest forgotten first, at most 200. */
export async function findUnconfirmedRuns(ledger: Ledger, silentForMs: number): Promise<Run[]> {
  const rows = await ledger.db
    .select(runColumns)
    .from(runs)
    .where(and(eq(runs.status, "QUEUED"), silentFor(silentForMs)))
    .orderBy(runs.heartbeatAt)
    .limit(200);
  return rows.map(toRun);
}

/** Notes that jobs carry these runs, so that they need not be looked for again soon. */
export async function confirmCarried(ledger: Ledger, runIds: readonly string[]): Promise<void> {
  if (runIds.length === 0) return;
  await ledger.db
    .update(runs)
    .set({ heartbeatAt: sql`now()` })
    .where(and(hasRunId(runIds), eq(runs.status, "QUEUED")));
}
