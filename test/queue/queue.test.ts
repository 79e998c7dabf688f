import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import postgres from "postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { openQueue, type RunQueue } from "../../src/queue/queue.ts";
import type { RunHandlers } from "../../src/queue/worker.ts";
import { openPassage } from "../support/passage.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { newNamespace, readWholeQueue, redisUrl, testQueue, type TestQueueOptions } from "./queue-fixture.ts";

let database: TestDatabase;
let place: TestQueueOptions;
let queue: RunQueue;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(() => database.drop());
beforeEach(async () => {
  place = { databaseUrl: database.url, namespace: newNamespace() };
  queue = await testQueue(place);
});

/** Closed when the test ends, if the test has not done so. */
async function work(handlers: RunHandlers, on: RunQueue = queue) {
  const worker = await on.startWorker(handlers, { concurrency: 4 });
  onTestFinished(() => worker.close());
  return worker;
}

const settled = (runId: string) =>
  vi.waitFor(async () => expect(await queue.has(runId)).toBe(false), { timeout: 20_000 });

it.skipIf(redisUrl !== undefined)("waits for no disk where it is in PostgreSQL", async () => {
  const sql = postgres(database.url, { max: 1, connection: { synchronous_commit: "on" } });
  // The tests' server waits for none anyway.
  await sql`alter database ${sql(database.name)} set synchronous_commit = on`;
  await sql`alter table bullmq.job add constraint unflushed check (current_setting('synchronous_commit') = 'off')`;
  onTestFinished(async () => {
    await sql`alter table bullmq.job drop constraint unflushed`;
    await sql.end();
  });
  const opened = await testQueue(place);
  const runId = randomUUID();
  await opened.enqueue("BACKUP", runId);
  await expect(sql`update bullmq.job set name = name`).rejects.toThrow("unflushed");
  await work({ BACKUP: async () => "done" }, opened);
  await settled(runId);
});

describe("a job", () => {
  it("brings its run to the handler of its kind, in whichever process", async () => {
    const seen: string[] = [];
    const [backup, restore] = [randomUUID(), randomUUID()];
    await work(
      {
        BACKUP: async (runId) => (seen.push(`backup ${runId}`), "done"),
        RESTORE: async (runId) => (seen.push(`restore ${runId}`), "done"),
      },
      await testQueue(place),
    );
    await queue.enqueue("BACKUP", backup);
    await queue.enqueue("RESTORE", restore);
    await Promise.all([settled(backup), settled(restore)]);
    expect(seen.toSorted()).toEqual([`backup ${backup}`, `restore ${restore}`]);
  });

  it("that is given back by a worker that ends is not begun by it again", async () => {
    const begun: boolean[] = [];
    const runIds = [randomUUID(), randomUUID(), randomUUID()];
    await Promise.all(runIds.map((runId) => queue.enqueue("BACKUP", runId)));
    const giveBack = async (_runId: string, shutdown: AbortSignal) => {
      begun.push(shutdown.aborted);
      if (!shutdown.aborted) await new Promise((resolve) => shutdown.addEventListener("abort", resolve));
      return { againAfterMs: 0 };
    };
    // Each has room for more, and asks for it just when jobs come back.
    for (let round = 1; round <= 15; round++) {
      const worker = await queue.startWorker({ BACKUP: giveBack }, { concurrency: 4 });
      await vi.waitFor(() => expect(begun.length).toBeGreaterThanOrEqual(3 * round), { timeout: 20_000 });
      await worker.close();
    }
    expect(begun.filter((late) => late)).toEqual([]);
    await work({ BACKUP: async () => "done" });
    await Promise.all(runIds.map(settled));
  });

  it("is there once, however often it is queued, until it is done; then it can be queued again", async () => {
    let times = 0;
    const go = Promise.withResolvers<"done">();
    const runId = randomUUID();
    await Promise.all([1, 2, 3].map(() => queue.enqueue("BACKUP", runId)));
    expect(await queue.counts()).toEqual({ waiting: 1, active: 0, delayed: 0 });
    await work({ BACKUP: () => (times++, go.promise) });
    await vi.waitFor(() => expect(times).toBe(1), { timeout: 20_000 });
    await queue.enqueue("BACKUP", runId);
    expect(await queue.counts()).toEqual({ waiting: 0, active: 1, delayed: 0 });
    go.resolve("done");
    await settled(runId);
    expect(times).toBe(1);
    await queue.enqueue("BACKUP", runId);
    await vi.waitFor(() => expect(times).toBe(2), { timeout: 20_000 });
  });

  it("can be taken out while it waits", async () => {
    const runId = randomUUID();
    expect(await queue.has(runId)).toBe(false);
    await queue.enqueue("BACKUP", runId);
    expect(await queue.has(runId)).toBe(true);
    await queue.remove(runId);
    expect(await queue.has(runId)).toBe(false);
  });

  it("comes back when its handler says so, and counts as there meanwhile", async () => {
    let times = 0;
    const runId = randomUUID();
    await queue.enqueue("BACKUP", runId);
    const delays = [0, 200];
    await work({
      BACKUP: async () => {
        const againAfterMs = delays[times++];
        return againAfterMs === undefined ? "done" : { againAfterMs };
      },
    });
    await vi.waitFor(async () => expect(await queue.counts()).toMatchObject({ delayed: 1 }), {
      timeout: 5_000,
    });
    expect(await queue.has(runId)).toBe(true);
    await settled(runId);
    expect(times).toBe(3);
  });

  it("is tried again when its handler breaks", async () => {
    let times = 0;
    const runId = randomUUID();
    await queue.enqueue("BACKUP", runId);
    await work({
      BACKUP: async () => {
        if (++times === 1) throw new Error("the ledger is out of reach");
        return "done";
      },
    });
    await settled(runId);
    expect(times).toBe(2);
  });

  it("is gone from the queue when it is done or has failed for good", async () => {
    const [done, broken] = [randomUUID(), randomUUID()];
    await queue.enqueue("BACKUP", done);
    await queue.enqueue("RESTORE", broken);
    expect(await readWholeQueue(place)).toContain("runId");
    // Without a handler for restores.
    await work({ BACKUP: async () => "done" });
    await Promise.all([settled(done), settled(broken)]);
    expect(await queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0 });
    expect(await readWholeQueue(place)).not.toContain("runId");
  });

  it("is refused for what is no run's id", async () => {
    await expect(queue.enqueue("BACKUP", "all of them")).rejects.toThrow("UUID");
  });
});

it("closes a worker by telling its handlers, and another worker takes what they give back", async () => {
  const runId = randomUUID();
  const started = Promise.withResolvers<void>();
  const first = await work({
    BACKUP: async (_, shutdown) => {
      started.resolve();
      while (!shutdown.aborted) await delay(10);
      return { againAfterMs: 0 };
    },
  });
  await queue.enqueue("BACKUP", runId);
  await started.promise;
  await first.close();
  expect(await queue.counts()).toMatchObject({ waiting: 1 });
  const taken = Promise.withResolvers<string>();
  await work({ BACKUP: async (id) => (taken.resolve(id), "done") }, await testQueue(place));
  expect(await taken.promise).toBe(runId);
});

it("is worked on again after its server was out of reach for a while", async () => {
  const passage = await openPassage(redisUrl ?? database.url);
  const remote = await testQueue(
    redisUrl === undefined ? { ...place, databaseUrl: passage.url } : { ...place, redisUrl: passage.url },
  );
  const seen: string[] = [];
  await work({ BACKUP: async (runId) => (seen.push(runId), "done") }, remote);
  const [before, meanwhile, after] = [randomUUID(), randomUUID(), randomUUID()];
  await queue.enqueue("BACKUP", before);
  await settled(before);
  await passage.cut();
  await queue.enqueue("BACKUP", meanwhile);
  await delay(1_000);
  expect(seen).toEqual([before]);
  await passage.mend();
  await settled(meanwhile);
  await queue.enqueue("BACKUP", after);
  await settled(after);
  expect(seen).toEqual([before, meanwhile, after]);
});

it("opens on an empty database, however many processes do so at once", async () => {
  await using empty = await createDatabase();
  const queues = await Promise.all(
    [1, 2, 3, 4].map(() => testQueue({ databaseUrl: empty.url, namespace: "one" })),
  );
  const runId = randomUUID();
  await Promise.all(queues.map((own) => own.enqueue("BACKUP", runId)));
  expect(await queue.has(runId)).toBe(false);
  expect(await Promise.all(queues.map((own) => own.has(runId)))).toEqual([true, true, true, true]);
  await Promise.all(queues.map((own) => own.remove(runId)));
});

it("says that it cannot be reached, instead of waiting for ever", async () => {
  const nowhere = {
    redisUrl: redisUrl && "redis://127.0.0.1:1",
    databaseUrl: "postgres://127.0.0.1:1/none",
    namespace: "none",
    log: pino({ level: "silent" }),
  };
  await expect(openQueue(nowhere)).rejects.toMatchObject({ code: "QUEUE_UNREACHABLE", retryable: true });
});
