// The last step of starting a run: its row, its entry in the audit log, its job.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import type { Ledger } from "../ledger/connect.ts";
import type { Run } from "../ledger/run-row.ts";
import { createRun, type NewRun, type RunRequest } from "../ledger/runs.ts";
import { requireAccess } from "./access.ts";
import type { RunDeps } from "./deps.ts";
import { ACCESS_OF } from "./standing.ts";

export type Submission = RunRequest & Omit<NewRun, keyof RunRequest | "requestedById" | "requestedBy">;

/**
 * Writes the run and queues its job. The row is what counts: when the queue cannot be reached, the run stays QUEUED all
 * the same, and the next look for runs without a job queues it.
 * @returns the run, or the one that the same idempotency key has started already
 * @throws HoldfastError FORBIDDEN where the caller could not have started that one
 */
export async function submit(
  deps: RunDeps,
  caller: Caller,
  submission: Submission,
  origin: Origin,
): Promise<Run> {
  const { run, created } = await deps.ledger.db.transaction((tx) =>
    recordRun({ ...deps.ledger, db: tx }, caller, submission, origin),
  );
  if (created) await carryRun(deps, run);
  // Another token of the same account may have started it, and with more rights than this one has.
  else requireAccess(deps.catalog, caller, run.entities, ACCESS_OF[run.kind]);
  return run;
}

/**
 * Writes the run and that it was started.
 * @param ledger with a transaction as its `db`: to be committed before the run is carried
 * @param caller null: Holdfast itself, by a schedule
 */
export async function recordRun(
  ledger: Ledger,
  caller: Caller | null,
  submission: Submission,
  origin: Origin,
): Promise<{ run: Run; created: boolean }> {
  const requestedById = caller === null || caller.via === "system" ? null : caller.userId;
  const requester = { requestedById, requestedBy: caller?.username ?? null };
  const result = await createRun(ledger, { ...submission, ...requester, requestId: origin.requestId });
  if (!result.created) return result;
  const { id, kind, entities, request, scheduleId } = submission;
  await recordAudit(ledger.db, {
    actor: requester.requestedBy,
    action: `${kind.toLowerCase()}.started`,
    target: `${kind.toLowerCase()}:${id}`,
    address: origin.address,
    details: { entities, ...request, ...(scheduleId !== undefined && { schedule: scheduleId }) },
  });
  return result;
}

/** Queues the job of a run that has been written. */
export async function carryRun({ queue, log }: Pick<RunDeps, "queue" | "log">, run: Run): Promise<void> {
  await queue.enqueue(run.kind, run.id).catch((error: unknown) => {
    log.warn({ err: error, runId: run.id }, "the run's job could not be queued yet");
  });
}
