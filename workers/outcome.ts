// What becomes of a run when an attempt at it is over, and what becomes of its job.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { OWN_DATABASE } from "../src/core/catalog.ts";
import { HoldfastError, isHoldfastError } from "../src/core/errors.ts";
import type { Progress } from "../src/core/run.ts";
import { finishRun, type Ending } from "../src/ledger/attempts.ts";
import type { Ledger } from "../src/ledger/connect.ts";
import { releaseRun, type Failure, type Lease } from "../src/ledger/lease.ts";
import { databaseError } from "../src/postgres/errors.ts";
import type { JobVerdict } from "../src/queue/worker.ts";

/** Before the first retry; before each later one four times as long as before. */
const RETRY_MS = 2_000;
/** How long an ending waits for a ledger that is out of reach, before the job is left to whoever comes next. */
const OUTAGE_MS = 60_000;
const OUTAGE_STEP_MS = 500;

/** What an act that succeeded has to show for it. */
export interface Success extends Omit<Extract<Ending, { status: "SUCCEEDED" }>, "status"> {
  /** Takes back what was made, because another worker has taken the run over and its success is what counts. */
  readonly retract?: () => Promise<void>;
}

/** What an act found to be wrong: the run has failed, and what it found is kept as its outcome. */
export interface Refutation {
  readonly failure: Failure;
  readonly outcome: NonNullable<Extract<Ending, { status: "FAILED" }>["outcome"]>;
}

export type Outcome =
  | { readonly status: "SUCCEEDED"; readonly success: Success }
  | Exclude<Ending, { status: "SUCCEEDED" }>
  /** The run is to be taken up again, by whichever worker: given back, or after the failure. */
  | { readonly status: "RELEASED"; readonly failure?: Failure }
  /** Another worker has it. */
  | { readonly status: "LOST" };

/** What an act means that has thrown: what stopped it, if something did, whatever the error says; otherwise the error. */
export function judge(error: unknown, signal: AbortSignal, log: Logger): Outcome {
  const reason: unknown = signal.aborted ? signal.reason : undefined;
  if (isHoldfastError(reason)) log.debug({ err: error, reason: reason.code }, "the attempt has stopped");
  if (isHoldfastError(reason, "SUPERSEDED") || isHoldfastError(error, "SUPERSEDED"))
    return { status: "LOST" };
  if (isHoldfastError(reason, "CANCELLED")) return { status: "CANCELLED" };
  if (isHoldfastError(reason, "SHUTTING_DOWN")) return { status: "RELEASED" };
  const known = outageOf(error) ?? error;
  const failure = describeFailure(known, log);
  return isHoldfastError(known) && known.retryable
    ? { status: "RELEASED", failure }
    : { status: "FAILED", failure };
}

/** What is not of the catalogue becomes INTERNAL, with an id that the log has too. */
function describeFailure(error: unknown, log: Logger): Failure {
  if (error instanceof HoldfastError) {
    log.warn({ err: error, code: error.code }, "the attempt failed");
    return { code: error.code, message: error.message, hint: error.hint };
  }
  const errorId = randomUUID();
  log.error({ err: error, errorId }, "the attempt failed with an error that is not in the catalogue");
  const { code, message, hint } = new HoldfastError(
    "INTERNAL",
    `Something failed inside Holdfast (error ${errorId}).`,
  );
  return { code, message, hint };
}

/** An attempt that is over, and yet to be written down. */
export interface EndedAttempt {
  readonly ledger: Ledger;
  readonly lease: Lease;
  /** How far it came, where nobody has written that yet. */
  readonly unwritten: Progress | undefined;
  readonly log: Logger;
}

/**
 * Writes the outcome to the ledger, unless the run is another worker's by now.
 * @throws what the driver throws, where the ledger stays out of reach
 */
export async function conclude(attempt: EndedAttempt, outcome: Outcome): Promise<JobVerdict> {
  if (outcome.status === "LOST") {
    attempt.log.warn("another worker has taken the run over: this one has stopped");
    return "done";
  }
  if (outcome.status === "RELEASED") return release(attempt, outcome.failure);
  if (outcome.status !== "SUCCEEDED") {
    await finish(attempt, outcome);
    return "done";
  }
  const { retract, ...made } = outcome.success;
  if (!(await finish(attempt, { status: "SUCCEEDED", ...made }))) await retract?.();
  return "done";
}

async function finish({ ledger, lease, unwritten, log }: EndedAttempt, ending: Ending): Promise<boolean> {
  const written = await outlastOutage(() => finishRun(ledger, lease, ending, unwritten), log);
  if (written) log.info({ status: ending.status }, "run ended");
  else logLost(log);
  return written;
}

function logLost(log: Logger): void {
  log.warn("another worker has taken the run over: nothing of this attempt counts");
}

async function release(
  { ledger, lease, unwritten, log }: EndedAttempt,
  failure: Failure | undefined,
): Promise<JobVerdict> {
  const run = await outlastOutage(() => releaseRun(ledger, lease, failure, unwritten), log);
  if (run === undefined) logLost(log);
  if (run?.status !== "QUEUED") return "done";
  const againAfterMs = failure === undefined ? 0 : RETRY_MS * 4 ** (run.failedAttempts - 1);
  log.info({ againAfterMs }, "run given back to the queue");
  return { againAfterMs };
}

/** Hours of work are not thrown away because the ledger restarts in the wrong second. */
async function outlastOutage<T>(write: () => Promise<T>, log: Logger): Promise<T> {
  const deadline = performance.now() + OUTAGE_MS;
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (outageOf(error) === undefined || performance.now() > deadline) throw error;
      log.warn({ err: error }, "the ledger is out of reach; the run's ending waits");
      await delay(OUTAGE_STEP_MS);
    }
  }
}

/** What the error says of the ledger's being out of reach; Drizzle wraps what the driver throws. */
function outageOf(error: unknown): HoldfastError | undefined {
  if (isHoldfastError(error)) return undefined;
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  const known = databaseError(OWN_DATABASE, cause);
  return isHoldfastError(known, "DATABASE_UNREACHABLE") ? known : undefined;
}
