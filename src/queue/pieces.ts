// The queue of pieces: each job names a piece of a run that its worker has offered to the others. What a piece is, and whether it
// is still to be had, the ledger knows; a job that is lost delays nothing, for the worker that has offered its piece does it then.
import { setTimeout as delay } from "node:timers/promises";
import { DelayedError, Queue, Worker, type IQueueBackend, type Job, type JobsOptions } from "bullmq";
import type { Logger } from "pino";
import { z } from "zod";
import type { Backend } from "./backend.ts";

const payload = z.strictObject({
  runId: z.uuid(),
  attempt: z.int().positive(),
  number: z.int().positive(),
});
export type PieceJob = z.infer<typeof payload>;

/** What becomes of a job: it is done with, or another worker is to have it. */
export type PieceVerdict = "done" | "for others";

/** Works on a piece until it is settled, or until `shutdown` aborts and it is given back. */
export type PieceHandler = (piece: PieceJob, shutdown: AbortSignal) => Promise<PieceVerdict>;

export interface PieceQueue {
  enqueue(piece: PieceJob): Promise<void>;
  /** Takes pieces in this process. */
  startWorker(handler: PieceHandler, options: { readonly concurrency: number }): Promise<PieceWorker>;
  /** After the worker. */
  close(): Promise<void>;
}

export interface PieceWorker {
  /** Takes no further pieces; may be called more than once, each time to be followed by `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Gives back what is under way, and waits for that, but not for long. */
  close(): Promise<void>;
}

const QUEUE_NAME = "pieces";
const JOB_NAME = "piece";
/** For those who have the stores that a piece is about. */
const FOR_OTHERS_MS = 250;
const CLOSE_TIMEOUT_MS = 8_000;
const OPTIONS: JobsOptions = { attempts: 1, removeOnComplete: true, removeOnFail: true };

export function openPieces<B extends IQueueBackend, C>(
  { connection, prefix, factory }: Backend<B, C>,
  log: Logger,
): PieceQueue {
  const queue = new Queue<PieceJob, void, string, PieceJob, void, string, B, C>(
    QUEUE_NAME,
    { connection, prefix, streams: { events: { maxLen: 100 } } },
    factory,
  );
  queue.on("error", (error) => log.warn({ err: error }, "the queue of pieces reports an error"));

  return {
    async enqueue(piece) {
      const data = payload.parse(piece);
      const jobId = `${data.runId}-${data.attempt}-${data.number}`;
      await queue.add(JOB_NAME, data, { ...OPTIONS, jobId });
    },
    async startWorker(handler, { concurrency }) {
      const shutdown = new AbortController();
      const work = async (job: Job<PieceJob>, token?: string): Promise<void> => {
        const piece = payload.parse(job.data);
        // One that is just being fetched when the worker ends is not begun.
        const verdict = shutdown.signal.aborted ? "for others" : await handler(piece, shutdown.signal);
        if (verdict === "done") return;
        await job.moveToDelayed(Date.now() + FOR_OTHERS_MS, token);
        throw new DelayedError();
      };
      const worker = new Worker<PieceJob, void, string, B, never, C>(
        QUEUE_NAME,
        work,
        // A piece is taken once, whatever becomes of its job: a job that stalls need not come again.
        { connection, prefix, concurrency, maxStalledCount: 0, runRetryDelay: 1_000 },
        factory,
      );
      worker.on("error", (error) => log.warn({ err: error }, "the queue of pieces reports an error"));
      await worker.waitUntilReady();
      let pauses = 0;
      return {
        async pause() {
          pauses += 1;
          if (pauses === 1) await worker.pause(true);
        },
        async resume() {
          pauses -= 1;
          if (pauses === 0) await worker.resume();
        },
        async close() {
          shutdown.abort();
          // A backend that is out of reach does not keep a process from ending.
          await Promise.race([worker.close(), delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
        },
      };
    },
    close: () => queue.close(),
  };
}
