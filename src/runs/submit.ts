// The last step of starting a run: its row, its entry in the audit log, its job.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import type { Run } from "../ledger/run-row.ts";
import { createRun, type NewRun, type RunRequest } from "../ledger/runs.ts";
import type { RunDeps } from "./deps.ts";

export type Submission = RunRequest & Omit<NewRun, keyof RunRequest | "requestedById" | "requestedBy">;

/**
 * Writes the run and queues its job. The row is what counts: when the queue cannot be reached, the run stays QUEUED all
 * the same, and the next look for runs without a job queues it.
 * @returns the run, or the one that the same idempotency key has started already
 */
export async function submit(
  { ledger, queue, log }: RunDeps,
  caller: Caller,
  submission: Submission,
  origin: Origin,
): Promise<Run> {
  const { run, created } = await ledger.db.transaction(async (tx) => {
    const requester = { requestedById: caller.userId, requestedBy: caller.username };
    const result = await createRun({ ...ledger, db: tx }, { ...submission, ...requester });
    if (result.created) {
      await recordAudit(tx, {
        actor: caller.username,
        action: `${submission.kind.toLowerCase()}.started`,
        target: `${submission.kind.toLowerCase()}:${submission.id}`,
        address: origin.address,
        details: { entities: submission.entities, ...submission.request },
      });
    }
    return result;
  });
  if (created) {
    await queue.enqueue(run.kind, run.id).catch((error: unknown) => {
      log.warn({ err: error, runId: run.id }, "the run's job could not be queued yet");
    });
  }
  return run;
}
