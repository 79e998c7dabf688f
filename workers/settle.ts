// Ends of runs that their success may contradict: an attempt may have come to it, and nobody may have written it down. A run is
// called cancelled, or failed, only when that is known not to be so.
import { HoldfastError, isHoldfastError } from "../src/core/errors.ts";
import { MAX_FAILED_ATTEMPTS, type Failure } from "../src/ledger/lease.ts";
import { WORKER_LOST } from "../src/ledger/recovery.ts";
import type { Run } from "../src/ledger/run-row.ts";
import type { Attempt } from "./attempt.ts";
import type { Outcome, Success } from "./outcome.ts";

/**
 * Finds out whether attempts at the run have come to a success that nobody has written down; after it was asked, none will.
 * PARTIAL: to half of one, which another attempt can make whole.
 * @throws where it cannot be found out
 */
export type FindSuccess<R extends Run> = (attempt: Attempt<R>) => Promise<Success | "PARTIAL" | undefined>;

/** How a run is to end that was claimed only because nobody knows how it has: undefined for one that is to be worked on. */
export function overdueEnding(run: Run): Outcome | undefined {
  if (run.cancelRequestedAt !== null) return { status: "CANCELLED" };
  return run.failedAttempts > MAX_FAILED_ATTEMPTS ? { status: "FAILED", failure: WORKER_LOST } : undefined;
}

/** The outcome, or what it turns out to be. One that does not end the run is returned as it is. */
export async function settle<R extends Run>(
  find: FindSuccess<R> | undefined,
  attempt: Attempt<R>,
  outcome: Outcome,
): Promise<Outcome> {
  const { run, log } = attempt;
  const ending = endingOf(run, outcome);
  if (find === undefined || ending === undefined) return outcome;
  const goOn = (failure: Failure): Outcome =>
    run.failedAttempts > MAX_FAILED_ATTEMPTS
      ? { status: "FAILED", failure }
      : { status: "RELEASED", failure };
  try {
    const found = await find(attempt);
    if (found === undefined) return ending;
    if (found === "PARTIAL") return goOn(failureOf(outcome) ?? PARTIALLY_APPLIED);
    log.warn({ status: ending.status }, "the run was to end, and turns out to have succeeded");
    return { status: "SUCCEEDED", success: found };
  } catch (error) {
    if (isHoldfastError(error, "SUPERSEDED")) return { status: "LOST" };
    log.warn({ err: error }, "whether the run has succeeded could not be found out");
    return goOn(UNKNOWN);
  }
}

type FinalOutcome = Extract<Outcome, { status: "CANCELLED" | "FAILED" }>;

/** What would be written: a failure that is worth a retry ends the run when it was one too many. */
function endingOf(run: Run, outcome: Outcome): FinalOutcome | undefined {
  if (outcome.status === "CANCELLED" || outcome.status === "FAILED") return outcome;
  if (outcome.status !== "RELEASED" || outcome.failure === undefined) return undefined;
  const { failure } = outcome;
  return run.failedAttempts >= MAX_FAILED_ATTEMPTS ? { status: "FAILED", failure } : undefined;
}

function failureOf(outcome: Outcome): Failure | undefined {
  const failure = "failure" in outcome ? outcome.failure : undefined;
  return failure?.code === "PARTIALLY_APPLIED" ? failure : undefined;
}

function toFailure({ code, message, hint }: HoldfastError): Failure {
  return { code, message, hint };
}

const PARTIALLY_APPLIED = toFailure(
  new HoldfastError(
    "PARTIALLY_APPLIED",
    "The restore has been applied in some of its databases, and not yet in all.",
  ),
);
const UNKNOWN = toFailure(
  new HoldfastError(
    "OUTCOME_UNKNOWN",
    "A database cannot be reached: whether the restore was applied is not known.",
  ),
);
