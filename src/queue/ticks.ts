// The schedules' clock: BullMQ's job schedulers, of which each brings a tick whenever its schedule is due, to one of all
// processes that take ticks. What a tick leads to is decided by the ledger; a tick that is lost or doubled does no harm.
import { setTimeout as delay } from "node:timers/promises";
import { Queue, Worker, type IQueueBackend, type Job, type RepeatOptions } from "bullmq";
import type { Logger } from "pino";
import { z } from "zod";
import { nextDue, type DueTimes } from "../core/cron.ts";
import type { Backend } from "./backend.ts";

/** What is due: a schedule's backup, or its drill. */
const tick = z.strictObject({ scheduleId: z.uuid(), kind: z.enum(["BACKUP", "VERIFICATION"]) });
export type Tick = z.infer<typeof tick>;

/** A tick, and when it comes. */
export interface TimedTick extends Tick {
  readonly times: DueTimes;
}

/** Told of a tick, and of the present time, which is not before the tick's. What it throws is logged, and nothing more. */
export type TickHandler = (tick: Tick, now: Date) => Promise<void>;

export interface Ticks {
  /**
   * Makes the queue's schedulers those that are wanted: adds what is missing (all, in a queue that was emptied), what has
   * other times by now and what has got stuck; removes what is too much. Any number of processes may do so at once.
   * @param readWanted called after the queue was read, so that what was added meanwhile is not taken for too much
   */
  arrange(readWanted: () => Promise<readonly TimedTick[]>): Promise<void>;
  /** Takes ticks in this process, one at a time. */
  startWorker(handler: TickHandler): Promise<{ close(): Promise<void> }>;
  /** After the worker. */
  close(): Promise<void>;
}

const QUEUE_NAME = "schedules";
const JOB_NAME = "tick";
/** A scheduler whose next tick should have come so long ago has lost it. */
const STUCK_MS = 20_000;
const CLOSE_TIMEOUT_MS = 8_000;
const OPTIONS = { removeOnComplete: true, removeOnFail: true };

/** Both the queue and the worker ask this when the next tick comes: cron is read in one place. */
function repeatStrategy(afterMs: number, { pattern = "", tz = "UTC" }: RepeatOptions): number | undefined {
  return nextDue({ cron: pattern, timeZone: tz }, new Date(afterMs))?.getTime();
}

export function openTicks<B extends IQueueBackend, C>(backend: Backend<B, C>, log: Logger): Ticks {
  const settings = { repeatStrategy };
  const { connection, prefix } = backend;
  const queue = new Queue<Tick, void, string, Tick, void, string, B, C>(
    QUEUE_NAME,
    { connection, prefix, settings, streams: { events: { maxLen: 100 } } },
    backend.factory,
  );
  queue.on("error", (error) => log.warn({ err: error }, "the schedules' queue reports an error"));

  return {
    async arrange(readWanted) {
      const present = new Map(
        (await queue.getJobSchedulers()).map((scheduler) => [scheduler.key, scheduler]),
      );
      const wanted = await readWanted();
      for (const { times, scheduleId, kind } of wanted) {
        const key = keyOf({ scheduleId, kind });
        const scheduler = present.get(key);
        present.delete(key);
        const sound =
          scheduler?.pattern === times.cron &&
          scheduler.tz === times.timeZone &&
          (scheduler.next ?? 0) > Date.now() - STUCK_MS;
        if (sound) continue;
        await queue.upsertJobScheduler(
          key,
          { pattern: times.cron, tz: times.timeZone },
          { name: JOB_NAME, data: { scheduleId, kind }, opts: OPTIONS },
        );
      }
      for (const key of present.keys()) await queue.removeJobScheduler(key);
    },

    async startWorker(handler) {
      const take = async (job: Job<Tick>): Promise<void> => {
        // Another process has said when the job comes, and its clock may be ahead.
        const now = new Date(Math.max(Date.now(), job.opts.prevMillis ?? 0));
        await handler(tick.parse(job.data), now);
      };
      const worker = new Worker<Tick, void, string, B, never, C>(
        QUEUE_NAME,
        take,
        { connection, prefix, settings, runRetryDelay: 1_000 },
        backend.factory,
      );
      worker.on("error", (error) => log.warn({ err: error }, "the schedules' queue reports an error"));
      worker.on("failed", (job, error) => log.error({ err: error, tick: job?.data }, "a tick failed"));
      await worker.waitUntilReady();
      return {
        async close() {
          // A backend that is out of reach does not keep a process from ending.
          await Promise.race([worker.close(), delay(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
        },
      };
    },

    close: () => queue.close(),
  };
}

function keyOf({ scheduleId, kind }: Tick): string {
  return `${scheduleId}-${kind.toLowerCase()}`;
}
