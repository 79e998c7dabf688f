// Takes jobs out of the queue and hands their runs to handlers.
import {
  DelayedError,
  UnrecoverableError,
  WaitingError,
  Worker,
  type IQueueBackend,
  type Job,
  type Telemetry,
} from "bullmq";
import type { Logger } from "pino";
import type { RunKind } from "../core/run.ts";
import type { Backend } from "./backend.ts";
import { readJob, type JobPayload } from "./jobs.ts";

/** What becomes of a job: it is done with, or it comes back after that time; 0: at once, for any worker. */
export type JobVerdict = "done" | { readonly againAfterMs: number };
const AT_ONCE: JobVerdict = { againAfterMs: 0 };

/**
 * Works on a run until it is settled, or until `shutdown` aborts and the run is given back. What it throws is not the
 * run's failure but its own: the job is tried again.
 */
export type RunHandler = (runId: string, shutdown: AbortSignal) => Promise<JobVerdict>;
export type RunHandlers = Readonly<Partial<Record<RunKind, RunHandler>>>;

export interface QueueWorker {
  /** Takes no more jobs, aborts the handlers' signals, and waits for them to give their runs back, but not for long. */
  close(): Promise<void>;
}

/** A worker that has not renewed its lock for so long is dead. */
const LOCK_MS = 5_000;
const STALLED_CHECK_MS = 2_000;
const CLOSE_TIMEOUT_MS = 8_000;

export interface QueueWorkerOptions<B extends IQueueBackend, C> {
  readonly name: string;
  readonly backend: Backend<B, C>;
  readonly handlers: RunHandlers;
  readonly concurrency: number;
  readonly telemetry: Telemetry | undefined;
  readonly log: Logger;
}

export async function startQueueWorker<B extends IQueueBackend, C>(
  options: QueueWorkerOptions<B, C>,
): Promise<QueueWorker> {
  const { name, backend, handlers, concurrency, telemetry, log } = options;
  const shutdown = new AbortController();

  const work = async (job: Job<JobPayload, void, RunKind>, token?: string): Promise<void> => {
    const { kind, runId } = read(job);
    const handler = handlers[kind];
    if (handler === undefined) throw new UnrecoverableError(`no handler for ${kind}`);
    // A job that is just being fetched when the worker ends, perhaps one that it has given back itself, is for others to begin.
    const verdict = shutdown.signal.aborted ? AT_ONCE : await handler(runId, shutdown.signal);
    if (verdict === "done") return;
    if (verdict.againAfterMs === 0) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    await job.moveToDelayed(Date.now() + verdict.againAfterMs, token);
    throw new DelayedError();
  };

  const worker = new Worker<JobPayload, void, RunKind, B, never, C>(
    name,
    work,
    {
      connection: backend.connection,
      prefix: backend.prefix,
      concurrency,
      ...(telemetry && { telemetry }),
      lockDuration: LOCK_MS,
      stalledInterval: STALLED_CHECK_MS,
      // How often a run may lose its worker is counted in the ledger.
      maxStalledCount: 1_000,
      // After an outage of the backend a worker is back in a second, not in BullMQ's fifteen.
      runRetryDelay: 1_000,
    },
    backend.factory,
  );
  worker.on("error", (error) => log.warn({ err: error }, "the queue reports an error to the worker"));
  worker.on("failed", (job, error) => log.error({ err: error, runId: job?.id }, "a job failed"));
  worker.on("stalled", (runId) => log.warn({ runId }, "a worker was lost; its job waits for another"));
  await worker.waitUntilReady();

  return {
    async close() {
      // In this order: a job that is fetched from now on is not begun.
      shutdown.abort();
      const timeout = Promise.withResolvers<void>();
      const timer = setTimeout(timeout.resolve, CLOSE_TIMEOUT_MS);
      await Promise.race([worker.close(), timeout.promise]);
      clearTimeout(timer);
    },
  };
}

function read(job: Job<JobPayload, void, RunKind>): { kind: RunKind; runId: string } {
  try {
    return readJob(job);
  } catch (error) {
    // Trying again would not make it a job of ours.
    throw new UnrecoverableError(`not a job of Holdfast's: ${String(error)}`);
  }
}
