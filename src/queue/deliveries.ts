// The queue of what people are to be told: each job names a delivery of the ledger, and is tried again for some twenty minutes.
import { Queue, Worker, type IQueueBackend, type Job, type JobsOptions } from "bullmq";
import type { Logger } from "pino";
import { z } from "zod";
import type { Backend } from "./backend.ts";

const payload = z.strictObject({ deliveryId: z.uuid() });
type Payload = z.infer<typeof payload>;

/** What it throws is tried again, unless it was the last attempt. */
export type DeliveryHandler = (deliveryId: string, isLastAttempt: boolean) => Promise<void>;

export interface DeliveryQueue {
  /** Once, however often it is called before the job is done. */
  enqueue(deliveryId: string): Promise<void>;
  /** The same, and at once where it waits to be tried again. */
  hasten(deliveryId: string): Promise<void>;
  /** Takes deliveries in this process. */
  startWorker(handler: DeliveryHandler): Promise<{ close(): Promise<void> }>;
  /** After the worker. */
  close(): Promise<void>;
}

const QUEUE_NAME = "deliveries";
const JOB_NAME = "deliver";
const ATTEMPTS = 9;
const CONCURRENCY = 4;

export interface DeliveryQueueOptions {
  /** Before the second attempt, and twice as long before each further one; left out: 5 s. */
  readonly retryDelayMs?: number;
}

export function openDeliveries<B extends IQueueBackend, C>(
  { connection, prefix, factory }: Backend<B, C>,
  log: Logger,
  { retryDelayMs = 5_000 }: DeliveryQueueOptions = {},
): DeliveryQueue {
  const options: JobsOptions = {
    attempts: ATTEMPTS,
    backoff: { type: "exponential", delay: retryDelayMs },
    removeOnComplete: true,
    removeOnFail: true,
  };
  const queue = new Queue<Payload, void, string, Payload, void, string, B, C>(
    QUEUE_NAME,
    { connection, prefix, streams: { events: { maxLen: 100 } } },
    factory,
  );
  queue.on("error", (error) => log.warn({ err: error }, "the deliveries' queue reports an error"));

  const enqueue = async (deliveryId: string): Promise<void> => {
    await queue.add(JOB_NAME, payload.parse({ deliveryId }), { ...options, jobId: deliveryId });
  };

  return {
    enqueue,
    async hasten(deliveryId) {
      const job = await queue.getJob(deliveryId);
      if (job !== undefined && (await job.isDelayed())) await job.promote();
      else await enqueue(deliveryId);
    },
    async startWorker(handler) {
      const take = async (job: Job<Payload>): Promise<void> => {
        await handler(payload.parse(job.data).deliveryId, job.attemptsMade + 1 >= ATTEMPTS);
      };
      const worker = new Worker<Payload, void, string, B, never, C>(
        QUEUE_NAME,
        take,
        { connection, prefix, concurrency: CONCURRENCY, runRetryDelay: 1_000 },
        factory,
      );
      worker.on("error", (error) => log.warn({ err: error }, "the deliveries' queue reports an error"));
      await worker.waitUntilReady();
      return worker;
    },
    close: () => queue.close(),
  };
}
