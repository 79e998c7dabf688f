// A worker's right to write to a run, and how it ends while the run does not: given back, or lost with the worker.
import { and, eq, sql, type SQL } from "drizzle-orm";
import type { ErrorCode } from "../core/errors.ts";
import type { Progress } from "../core/run.ts";
import type { Ledger } from "./connect.ts";
import { announcedRunColumns, nextProgress, nextRevision, toRun, type Run } from "./run-row.ts";
import { runs } from "./tables.ts";

/** After so many attempts that ended badly the next one that does ends the run. */
export const MAX_FAILED_ATTEMPTS = 3;

/** The right to write to a run, until another worker claims it. */
export interface Lease {
  readonly runId: string;
  readonly attempt: number;
}

/** Why a run failed, as clients see it. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** The fence: a condition that holds no more once the run has ended or another worker has claimed it. */
export function heldBy({ runId, attempt }: Lease): SQL | undefined {
  return and(eq(runs.id, runId), eq(runs.attempt, attempt), eq(runs.status, "RUNNING"));
}

/**
 * A restore that some attempt has begun, of which nobody has written down that it came to nothing: whether it was applied only
 * its databases know. It is not ended here, whatever there is to end it for: the next worker that claims it asks them.
 */
export const mayBeApplied: SQL = sql`(${runs.kind} = 'RESTORE' and ${runs.unfinishedId} is not null
  and not (${runs.request} ->> 'dryRun')::bool)`;

/**
 * Ends an attempt without an ending for the run: it is QUEUED again, with the percentage that it had.
 * A run that somebody has asked to cancel is CANCELLED instead; and where a failure is given and was one too many,
 * the run is FAILED with it. A restore that {@link mayBeApplied} is QUEUED in any case.
 * @param progress what the attempt has told and nobody has written yet
 * @returns the run as it is then; undefined if it is no longer this lease's
 */
export async function releaseRun(
  ledger: Ledger,
  lease: Lease,
  failure?: Failure,
  progress?: Progress,
): Promise<Run | undefined> {
  const [run] = await leaveRuns(ledger, heldBy(lease), failure, progress);
  return run;
}

/** Ends the attempts on all runs that match, as `releaseRun` says. */
export async function leaveRuns(
  ledger: Ledger,
  where: SQL | undefined,
  failure: Failure | undefined,
  progress?: Progress,
): Promise<Run[]> {
  const cancels = sql`(${runs.cancelRequestedAt} is not null and not ${mayBeApplied})`;
  const gaveUp =
    failure === undefined
      ? sql`false`
      : sql`(${runs.failedAttempts} >= ${MAX_FAILED_ATTEMPTS} and not ${mayBeApplied})`;
  const ends = sql`(${cancels} or ${gaveUp})`;
  const fails = sql`(${gaveUp} and not ${cancels})`;
  const reached = nextProgress(progress);
  const waiting = { phase: "queued", entity: null, rowsPerSecond: null, etaSeconds: null };
  const whenFailed = (value: string | undefined) => sql`case when ${fails} then ${value ?? null}::text end`;
  const rows = await ledger.db
    .update(runs)
    .set({
      status: sql`(case when ${cancels} then 'CANCELLED' when ${gaveUp} then 'FAILED' else 'QUEUED' end)::holdfast.run_status`,
      failedAttempts: sql`${runs.failedAttempts} + ${failure === undefined ? 0 : 1}`,
      finishedAt: sql`case when ${ends} then now() end`,
      sealedSecret: sql`case when not ${ends} then ${runs.sealedSecret} end`,
      peerSecret: null,
      progress: sql`case when ${ends} then ${reached} else ${reached} || ${JSON.stringify(waiting)}::jsonb end`,
      errorCode: whenFailed(failure?.code),
      errorMessage: whenFailed(failure?.message),
      errorHint: whenFailed(failure?.hint),
      heartbeatAt: sql`now()`,
      revision: nextRevision,
    })
    .where(where)
    .returning(announcedRunColumns);
  return rows.map(toRun);
}
