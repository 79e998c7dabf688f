import { pino } from "pino";
import { expect, it } from "vitest";
import { findRun, requestCancel } from "../../src/ledger/runs.ts";
import type { Run } from "../../src/ledger/run-row.ts";
import { reconcile } from "../../workers/reconcile.ts";
import { silence, testLedger, testWatcher } from "../ledger/runs-fixture.ts";
import { loseWholeQueue, testQueue } from "../queue/queue-fixture.ts";
import { createSite, ENDLESS, PATIENCE_MS, percents } from "./process-fixture.ts";

const log = pino({ level: "silent" });
it(
  "loses no event with three workers at full concurrency: every watcher of every run sees it through",
  { timeout: PATIENCE_MS },
  async () => {
    const site = await createSite();
    const others = await Promise.all([1, 2].map(() => testWatcher(testLedger(site.place.databaseUrl))));
    await Promise.all([1, 2, 3].map(() => site.startWorker(8)));
    const changes = site.watcher.watchAll();

    const runs = await Promise.all(
      Array.from({ length: 60 }, (_, index) => site.submit({ steps: 15 + (index % 10), stepMs: 10 })),
    );
    const watching = [site.watcher, ...others].flatMap((watcher) =>
      runs.map(async ({ id }) => {
        const states: Run[] = [];
        for await (const run of watcher.watch(id)) states.push(run);
        return states;
      }),
    );
    const seen = await Promise.all(watching);

    expect(seen.filter((states) => states.at(-1)?.status === "SUCCEEDED")).toHaveLength(3 * 60);
    expect(seen.filter((states) => states.at(-1)?.progress.percent === 100)).toHaveLength(3 * 60);
    for (const states of seen) expect(percents(states)).toEqual(percents(states).toSorted((a, b) => a - b));
    expect(new Set(seen.flat().map(({ attempt }) => attempt))).toEqual(new Set([0, 1]));

    const ended = new Set<string>();
    while (ended.size < 60) {
      const { value } = await changes.next();
      if (value?.status === "SUCCEEDED") ended.add(value.id);
    }
    await changes.return?.();
    expect(await site.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0 });
  },
);

it(
  "cancels a run wherever it is: in the queue, or with a worker of another process, which leaves nothing",
  { timeout: PATIENCE_MS },
  async () => {
    const site = await createSite();
    const worker = await site.startWorker(1);
    const running = await site.submit(ENDLESS);
    await worker.logged("run taken up", running.id);
    const queued = await site.submit(ENDLESS);

    expect(await requestCancel(site.ledger, queued.id)).toMatchObject({ status: "CANCELLED" });
    await requestCancel(site.ledger, running.id);
    const [seen] = await Promise.all([site.follow(running.id), worker.logged("run ended", running.id)]);
    expect(seen.at(-1)).toMatchObject({ status: "CANCELLED", attempt: 1 });
    expect(await site.stored()).toEqual([]);

    const next = await site.submit({ steps: 1, stepMs: 1 });
    expect((await site.follow(next.id)).at(-1)).toMatchObject({ status: "SUCCEEDED" });
    expect(worker.lines.filter(({ msg }) => msg === "run taken up")).toHaveLength(2);
  },
);

it(
  "gives runs back when a worker is told to end, and another does them",
  { timeout: PATIENCE_MS },
  async () => {
    const site = await createSite();
    const first = await site.startWorker();
    const runs = await Promise.all([1, 2, 3].map(() => site.submit(ENDLESS)));
    await Promise.all(runs.map(({ id }) => first.logged("run taken up", id)));
    first.child.kill("SIGTERM");
    await first.exited;
    expect(first.lines.at(-1)).toMatchObject({ msg: "closed" });
    for (const { id } of runs) expect(await findRun(site.ledger, id)).toMatchObject({ status: "QUEUED" });
    expect(await site.stored()).toEqual([]);

    await site.startWorker();
    for (const { id } of runs) {
      expect((await site.follow(id)).at(-1)).toMatchObject({
        status: "SUCCEEDED",
        attempt: 2,
        failedAttempts: 0,
      });
    }
  },
);

it(
  "finds runs again whose jobs were lost with the queue, each once, by however many processes look",
  { timeout: PATIENCE_MS },
  async () => {
    const site = await createSite();
    const first = await site.startWorker();
    const running = await site.submit(ENDLESS);
    await first.logged("run taken up", running.id);
    first.child.kill("SIGKILL");
    await first.exited;
    const waiting = await Promise.all([1, 2, 3].map(() => site.submit({ steps: 1, stepMs: 1 })));
    const runs = [running, ...waiting];
    await loseWholeQueue(site.place);
    expect(await site.queue.counts()).toEqual({ waiting: 0, active: 0, delayed: 0 });

    for (const { id } of runs) await silence(site.ledger, id);
    const queues = await Promise.all([1, 2, 3].map(() => testQueue(site.place)));
    await Promise.all(queues.map((queue) => reconcile({ ledger: site.ledger, queue, log })));
    expect(await site.queue.counts()).toEqual({ waiting: 4, active: 0, delayed: 0 });

    await site.startWorker();
    const ends = (await Promise.all(runs.map(({ id }) => site.follow(id)))).map((states) => states.at(-1));
    expect(ends.map((run) => run?.status)).toEqual(runs.map(() => "SUCCEEDED"));
    expect(ends.map((run) => run?.attempt)).toEqual([2, 1, 1, 1]);
  },
);

it("leaves a run to its worker when the queue is lost around it", { timeout: PATIENCE_MS }, async () => {
  const site = await createSite();
  const worker = await site.startWorker();
  const run = await site.submit({ steps: 30, stepMs: 100 });
  await worker.logged("run taken up", run.id);
  await loseWholeQueue(site.place);
  await reconcile({ ledger: site.ledger, queue: site.queue, log });
  expect((await site.follow(run.id)).at(-1)).toMatchObject({ status: "SUCCEEDED", attempt: 1 });
  const next = await site.submit({ steps: 1, stepMs: 1 });
  expect((await site.follow(next.id)).at(-1)).toMatchObject({ status: "SUCCEEDED" });
});
