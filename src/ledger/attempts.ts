// What a worker does to a run: claims it, tells how far it is, and ends its attempt. Every write is fenced by the
// attempt's number, so that a worker that was taken for dead and wakes up again changes nothing any more.
import { and, eq, sql } from "drizzle-orm";
import { isFinal, type Progress, type VerificationOutcome } from "../core/run.ts";
import { insertArtifact, type NewArtifact } from "./artifacts.ts";
import type { Ledger } from "./connect.ts";
import { heldBy, type Failure, type Lease } from "./lease.ts";
import { recoverLostRuns } from "./recovery.ts";
import { announcedRunColumns, nextProgress, nextRevision, toRun, type Run } from "./run-row.ts";
import { findRun } from "./runs.ts";
import type { RestoreOutcome } from "./run-request.ts";
import { runs } from "./tables.ts";

/** A worker that has said nothing for so long may be taken over by whoever is handed its job. It beats every second. */
const SILENT_MS = 5_000;

export type Claim =
  | {
      readonly state: "claimed";
      readonly run: Run;
      readonly lease: Lease;
      readonly sealedSecret: string | null;
    }
  /** The run has ended, or there is none: nothing is left to do. */
  | { readonly state: "settled" }
  /** Another worker has it and gave a sign of life just now. */
  | { readonly state: "held" };

/** Takes a QUEUED run up, or one whose worker has fallen silent. */
export async function claimRun(ledger: Ledger, runId: string): Promise<Claim> {
  const claimed = await claimQueued(ledger, runId);
  if (claimed !== undefined) return claimed;
  await recoverLostRuns(ledger, { silentForMs: SILENT_MS, runId });
  const recovered = await claimQueued(ledger, runId);
  if (recovered !== undefined) return recovered;
  const run = await findRun(ledger, runId);
  return { state: run === undefined || isFinal(run.status) ? "settled" : "held" };
}

async function claimQueued(ledger: Ledger, runId: string): Promise<Claim | undefined> {
  const [row] = await ledger.db
    .update(runs)
    .set({
      status: "RUNNING",
      attempt: sql`${runs.attempt} + 1`,
      startedAt: sql`coalesce(${runs.startedAt}, now())`,
      heartbeatAt: sql`now()`,
      revision: nextRevision,
    })
    .where(and(eq(runs.id, runId), eq(runs.status, "QUEUED")))
    .returning({ ...announcedRunColumns, sealedSecret: runs.sealedSecret });
  if (row === undefined) return undefined;
  const { sealedSecret, ...run } = row;
  return { state: "claimed", run: toRun(run), lease: { runId, attempt: row.attempt }, sealedSecret };
}

/** What a worker learns from writing to its run; undefined instead of it says that the run is no longer its own. */
export interface Standing {
  readonly cancelRequested: boolean;
}

/**
 * For `returning`: the statement's own transaction does not wait until the server's disk has it. A crash of the server may take back how far
 * a run was in the last second, and nothing else; while announcements are committed, which is one after another, nobody waits for a disk.
 */
const unflushed = { unflushed: sql`set_config('synchronous_commit', 'off', true)` };

/** A sign of life, announced to nobody. */
export async function beat(ledger: Ledger, lease: Lease): Promise<Standing | undefined> {
  const [row] = await ledger.db
    .update(runs)
    .set({ heartbeatAt: sql`now()` })
    .where(heldBy(lease))
    .returning({ cancelRequestedAt: runs.cancelRequestedAt, ...unflushed });
  return row && { cancelRequested: row.cancelRequestedAt !== null };
}

/** Writes and announces how far the run is; a sign of life too. */
export async function writeProgress(
  ledger: Ledger,
  lease: Lease,
  progress: Progress,
): Promise<Standing | undefined> {
  const [row] = await ledger.db
    .update(runs)
    .set({
      progress: nextProgress(progress),
      heartbeatAt: sql`now()`,
      revision: nextRevision,
    })
    .where(heldBy(lease))
    .returning({
      cancelRequestedAt: runs.cancelRequestedAt,
      announced: announcedRunColumns.announced,
      ...unflushed,
    });
  return row && { cancelRequested: row.cancelRequestedAt !== null };
}

type RunOutcome = RestoreOutcome | VerificationOutcome;

export type Ending =
  | { readonly status: "SUCCEEDED"; readonly artifact?: NewArtifact; readonly outcome?: RunOutcome }
  | { readonly status: "FAILED"; readonly failure: Failure; readonly outcome?: RunOutcome }
  | { readonly status: "CANCELLED" };

/**
 * Writes a final state, the artifact with it, and forgets the secret. May be called again where an answer was lost.
 * @param progress what the attempt has told and nobody has written yet
 * @returns false if the run is no longer this lease's: nothing was written
 */
export async function finishRun(
  ledger: Ledger,
  lease: Lease,
  ending: Ending,
  progress?: Progress,
): Promise<boolean> {
  const written = await ledger.db.transaction(async (tx) => {
    const [row] = await tx
      .update(runs)
      .set({
        status: ending.status,
        sealedSecret: null,
        peerSecret: null,
        finishedAt: sql`now()`,
        progress: nextProgress(progress),
        revision: nextRevision,
        ...particulars(ending, progress),
      })
      .where(heldBy(lease))
      .returning({ announced: announcedRunColumns.announced });
    if (row === undefined) return false;
    if (ending.status === "SUCCEEDED" && ending.artifact !== undefined)
      await insertArtifact(tx, lease.runId, ending.artifact);
    return true;
  });
  if (written) return true;
  // A first call may have committed and its answer been lost with the connection.
  const run = await findRun(ledger, lease.runId);
  return run?.attempt === lease.attempt && run.status === ending.status;
}

function particulars(ending: Ending, progress: Progress | undefined) {
  if (ending.status === "FAILED") {
    const { code, message, hint } = ending.failure;
    return { errorCode: code, errorMessage: message, errorHint: hint, outcome: ending.outcome ?? null };
  }
  if (ending.status === "CANCELLED") return {};
  const done = { phase: "done", entity: null, percent: 100, rowsPerSecond: null, etaSeconds: null };
  return {
    progress: sql`${nextProgress(progress)} || ${JSON.stringify(done)}::jsonb`,
    outcome: ending.outcome ?? null,
    // What was unfinished is the artifact, whose own row stands for it from here on.
    ...(ending.artifact && { unfinishedId: null }),
  };
}
