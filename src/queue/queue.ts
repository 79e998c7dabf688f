// The queue that carries runs to workers. It is transport: what it loses is found again in the ledger.
import { Queue, type IQueueBackend, type Telemetry } from "bullmq";
import type { Logger } from "pino";
import { HoldfastError } from "../core/errors.ts";
import type { RunKind } from "../core/run.ts";
import { postgresBackend, redisBackend, type Backend } from "./backend.ts";
import { openDeliveries, type DeliveryQueue, type DeliveryQueueOptions } from "./deliveries.ts";
import { describeJob, type JobPayload } from "./jobs.ts";
import { openPieces, type PieceQueue } from "./pieces.ts";
import { openTicks, type Ticks } from "./ticks.ts";
import { startQueueWorker, type QueueWorker, type RunHandlers } from "./worker.ts";

const QUEUE_NAME = "runs";
const ANSWER_TIMEOUT_MS = 5_000;

export interface RunQueue {
  /**
   * Queues a run's job; once, however often it is called before the job is done.
   * @throws HoldfastError QUEUE_UNREACHABLE: the run stays in the ledger, and is queued when the queue is back
   */
  enqueue(kind: RunKind, runId: string): Promise<void>;
  /** Whether a job carries the run: waiting, being worked on, or to be tried again. */
  has(runId: string): Promise<boolean>;
  /** Takes a waiting job out; one that is being worked on stays. */
  remove(runId: string): Promise<void>;
  /** How many jobs there are. Also says whether the queue can be reached. */
  counts(): Promise<QueueCounts>;
  /** Starts to work on jobs in this process. */
  startWorker(handlers: RunHandlers, options: { readonly concurrency: number }): Promise<QueueWorker>;
  /** The schedules' clock, on the same backend: opened when it is first asked for, and closed with the queue. */
  readonly ticks: Ticks;
  /** What people are to be told; as the clock. */
  readonly deliveries: DeliveryQueue;
  /** Pieces of runs, for whichever worker has room; as the clock. */
  readonly pieces: PieceQueue;
  /** Ends the connections. Workers are closed before. */
  close(): Promise<void>;
}

export interface QueueCounts {
  readonly waiting: number;
  readonly active: number;
  readonly delayed: number;
}

export interface QueueOptions extends DeliveryQueueOptions {
  /** Carries the trace that a run is part of over to its worker; left out: there are no traces. */
  readonly telemetry?: Telemetry | undefined;
  /** Left out: the queue lives in the database. */
  readonly redisUrl?: string | undefined;
  /** Holdfast's own. */
  readonly databaseUrl: string;
  /** What several Holdfasts on one Redis differ by. */
  readonly namespace: string;
  readonly log: Logger;
}

/** @throws HoldfastError QUEUE_UNREACHABLE */
export async function openQueue(options: QueueOptions): Promise<RunQueue> {
  const { redisUrl, databaseUrl, namespace, log } = options;
  return redisUrl === undefined
    ? openOn(postgresBackend(databaseUrl, namespace), options)
    : openOn(redisBackend(redisUrl, namespace, log), options);
}

async function openOn<B extends IQueueBackend, C>(
  backend: Backend<B, C>,
  options: QueueOptions,
): Promise<RunQueue> {
  const { log } = options;
  const queue = new Queue<JobPayload, void, RunKind, JobPayload, void, RunKind, B, C>(
    QUEUE_NAME,
    // Nobody reads BullMQ's events; they are kept short.
    {
      connection: backend.connection,
      prefix: backend.prefix,
      streams: { events: { maxLen: 100 } },
      ...(options.telemetry && { telemetry: options.telemetry }),
    },
    backend.factory,
  );
  queue.on("error", (error) => log.warn({ err: error }, "the queue reports an error"));
  let ticks: Ticks | undefined;
  let deliveries: DeliveryQueue | undefined;
  let pieces: PieceQueue | undefined;
  const close = async () => {
    await ticks?.close();
    await deliveries?.close();
    await pieces?.close();
    await queue.close();
    backend.close();
  };
  try {
    await answered(queue.waitUntilReady());
  } catch (error) {
    await close();
    throw error;
  }

  return {
    async enqueue(kind, runId) {
      const { name, data, opts } = describeJob(kind, runId);
      await answered(queue.add(name, data, opts));
    },
    async has(runId) {
      const state = await answered(queue.getJobState(runId));
      return state !== "unknown" && state !== "completed" && state !== "failed";
    },
    async remove(runId) {
      await answered(queue.remove(runId));
    },
    async counts() {
      const counts = await answered(queue.getJobCounts("waiting", "active", "delayed"));
      return {
        waiting: counts["waiting"] ?? 0,
        active: counts["active"] ?? 0,
        delayed: counts["delayed"] ?? 0,
      };
    },
    startWorker: (handlers, { concurrency }) =>
      startQueueWorker({
        ...{ name: QUEUE_NAME, backend, handlers, concurrency, log },
        telemetry: options.telemetry,
      }),
    get ticks() {
      return (ticks ??= openTicks(backend, log));
    },
    get deliveries() {
      return (deliveries ??= openDeliveries(backend, log, options));
    },
    get pieces() {
      return (pieces ??= openPieces(backend, log));
    },
    close,
  };
}

/** A client that waits for its connection waits for ever: nobody who asks the queue should. */
async function answered<T>(answer: Promise<T>): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)),
    ANSWER_TIMEOUT_MS,
  );
  try {
    return await Promise.race([answer, timeout.promise]);
  } catch (cause) {
    throw new HoldfastError("QUEUE_UNREACHABLE", `The queue cannot be reached: ${String(cause)}`, { cause });
  } finally {
    clearTimeout(timer);
  }
}
