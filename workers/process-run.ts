// The carriage of every run: from the job that names it to what the ledger says of its end. The acts themselves know
// nothing of jobs, leases or the ledger.
import type { Progress, RunKind } from "../src/core/run.ts";
import { claimRun } from "../src/ledger/attempts.ts";
import { inRunSpan, noteFailed } from "../src/telemetry/spans.ts";
import type { Run } from "../src/ledger/run-row.ts";
import type { RunHandler } from "../src/queue/worker.ts";
import { openAttempt, type Attempt } from "./attempt.ts";
import type { CarriageDeps } from "./deps.ts";
import { conclude, judge, type Outcome, type Refutation, type Success } from "./outcome.ts";
import { discardRemains } from "./remains.ts";
import { overdueEnding, settle, type FindSuccess } from "./settle.ts";

/** When to ask again for a run that another worker still has. */
const HELD_AGAIN_MS = 1_000;

/** What is done for the runs of one kind. */
export interface Work<R extends Run> {
  /**
   * The act. It stops when its signal aborts, and cleans up after itself. What it throws fails the run, or has it tried
   * again where the error says that this can help.
   */
  act(attempt: Attempt<R>): Promise<Success | Refutation>;
  /** Deletes what attempts may have left that noted this id, after the run has ended. There may be nothing to delete. */
  discard(run: R, id: string): Promise<void>;
  /** Left out: a success is always written down by the attempt that comes to it, or is none. */
  readonly findSuccess?: FindSuccess<R>;
  /** What follows from a success. The run has ended by then, whatever this throws; it is logged. */
  readonly follow?: (run: R) => Promise<void>;
}

/** The work on the runs of one kind, as a process runs it. */
export interface RunProcessor {
  readonly handle: RunHandler;
  /** Deletes what a run that has ended may have left behind. */
  readonly discard: (run: Run, id: string) => Promise<void>;
}

export function processRun<K extends RunKind>(
  deps: CarriageDeps,
  kind: K,
  work: Work<Extract<Run, { kind: K }>>,
): RunProcessor {
  const isOfKind = (run: Run): run is Extract<Run, { kind: K }> => run.kind === kind;
  const ofKind = (run: Run) => {
    if (isOfKind(run)) return run;
    throw new Error(`run ${run.id} is a ${run.kind}, and its job says ${kind}`);
  };
  const discard: RunProcessor["discard"] = async (run, id) => work.discard(ofKind(run), id);

  const perform = async (attempt: Attempt<Extract<Run, { kind: K }>>): Promise<Outcome> => {
    const { signal } = attempt.control;
    try {
      signal.throwIfAborted();
      const act = () => work.act(attempt);
      const made = await (deps.guard === undefined ? act() : deps.guard(attempt, act));
      return "failure" in made ? { status: "FAILED", ...made } : { status: "SUCCEEDED", success: made };
    } catch (error) {
      return judge(error, signal, attempt.log);
    }
  };

  const carryOut = async (attempt: Attempt<Extract<Run, { kind: K }>>): Promise<Outcome> => {
    const overdue = overdueEnding(attempt.run);
    if (overdue !== undefined) {
      const settled = await settle(work.findSuccess, attempt, overdue);
      // Half of it is done: the other half is what is left to do.
      if (settled.status !== "RELEASED" || settled.failure?.code !== "PARTIALLY_APPLIED") return settled;
    }
    return settle(work.findSuccess, attempt, await perform(attempt));
  };

  const handle: RunHandler = async (runId, shutdown) => {
    const claim = await claimRun(deps.ledger, runId);
    if (claim.state === "settled") {
      // Perhaps this claim has settled it, in the place of a worker that is gone.
      await discardRemains(deps, discard, runId);
      return "done";
    }
    if (claim.state === "held") return { againAfterMs: HELD_AGAIN_MS };

    const attempt = openAttempt(deps, claim, shutdown);
    const { log } = attempt;
    log.info("run taken up");
    let outcome: Outcome;
    let unwritten: Progress | undefined;
    try {
      outcome = await traced(attempt, (traced) => carryOut({ ...traced, run: ofKind(claim.run) }));
    } catch (error) {
      outcome = judge(error, attempt.control.signal, log);
    } finally {
      unwritten = await attempt.close();
    }
    const verdict = await conclude({ ledger: deps.ledger, lease: claim.lease, unwritten, log }, outcome);
    await discardRemains(deps, discard, runId);
    if (outcome.status === "SUCCEEDED") {
      await work.follow?.(ofKind(claim.run)).catch((error: unknown) => {
        log.warn({ err: error }, "what follows from the run could not be done");
      });
    }
    return verdict;
  };

  return { handle, discard };
}

/** The attempt as a span of the trace that its run is part of, with its phases within. */
async function traced(attempt: Attempt, act: (attempt: Attempt) => Promise<Outcome>): Promise<Outcome> {
  const { run, number, control } = attempt;
  const attributes = {
    "holdfast.run.id": run.id,
    "holdfast.run.kind": run.kind,
    "holdfast.run.attempt": number,
    "holdfast.run.entities": run.entities,
    ...(run.scheduleId !== null && { "holdfast.schedule.id": run.scheduleId }),
    ...(run.requestId !== null && { "holdfast.request.id": run.requestId }),
  };
  return inRunSpan(run.kind.toLowerCase(), { attributes }, async (span, enterPhase) => {
    const outcome = await act({
      ...attempt,
      control: {
        ...control,
        onProgress(progress) {
          enterPhase(progress.phase);
          control.onProgress(progress);
        },
      },
    });
    span?.setAttribute("holdfast.run.outcome", outcome.status);
    const failure = "failure" in outcome ? outcome.failure : undefined;
    if (span !== undefined && failure !== undefined) noteFailed(span, failure.code, failure.message);
    return outcome;
  });
}
