import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { drizzle } from "drizzle-orm/postgres-js";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { finishRun, writeProgress } from "../../src/ledger/attempts.ts";
import { openLedger, type Ledger } from "../../src/ledger/connect.ts";
import { requestCancel } from "../../src/ledger/runs.ts";
import { watchRuns } from "../../src/ledger/watch.ts";
import type { Run } from "../../src/ledger/run-row.ts";
import { openPassage } from "../support/passage.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { claimedRun, percent, queuedRun, testLedger, testWatcher } from "./runs-fixture.ts";

let database: TestDatabase;
let ledger: Ledger;
beforeAll(async () => {
  database = await createDatabase({ migrated: true });
  ledger = openLedger(database.url);
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

async function all(states: AsyncIterable<Run>): Promise<Run[]> {
  const seen: Run[] = [];
  for await (const run of states) seen.push(run);
  return seen;
}

/** A ledger that counts what is asked of it through drizzle. */
function countingLedger(): Ledger & { queries: () => number } {
  const inner = testLedger(database.url);
  let queries = 0;
  const db = drizzle(inner.sql, { logger: { logQuery: () => queries++ } });
  return { ...inner, db, queries: () => queries };
}

/** The backends that listen for runs. */
const listeners = () => ledger.sql<{ pid: number }[]>`
  select pid from pg_stat_activity
  where datname = current_database() and query like 'listen "holdfast_runs"%'`;

describe("one run", () => {
  it("shows the present state, then the changes, and ends after the final one", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const { run, lease } = await claimedRun(ledger);
    const states = watcher.watch(run.id);
    expect((await states.next()).value).toMatchObject({ status: "RUNNING", progress: { percent: 0 } });
    await writeProgress(ledger, lease, percent(25));
    expect((await states.next()).value).toMatchObject({ progress: { percent: 25 } });
    await finishRun(ledger, lease, { status: "SUCCEEDED" });
    expect((await states.next()).value).toMatchObject({ status: "SUCCEEDED", progress: { percent: 100 } });
    expect(await states.next()).toEqual({ done: true, value: undefined });
  });

  it("is shown to a crowd, some of whom leave, to its end", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const { run, lease } = await claimedRun(ledger);
    const crowd = Array.from({ length: 35 }, () => watcher.watch(run.id));
    await Promise.all(crowd.map((states) => states.next()));
    for (const states of crowd.splice(0, 12)) await states.return?.();
    await writeProgress(ledger, lease, percent(50));
    await finishRun(ledger, lease, { status: "SUCCEEDED" });
    const seen = await Promise.all(crowd.map(all));
    expect(seen.map((states) => states.at(-1)?.status)).toEqual(crowd.map(() => "SUCCEEDED"));
  });

  it("is at hand for as long as somebody watches it", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const run = await queuedRun(ledger);
    expect(watcher.peek(run.id)).toBeUndefined();
    const states = watcher.watch(run.id);
    const { value } = await states.next();
    expect(watcher.peek(run.id)).toEqual(value);
    await states.return?.();
    expect(watcher.peek(run.id)).toBeUndefined();
  });

  it("shows a late watcher the end, and the end only", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const { run, lease } = await claimedRun(ledger);
    await finishRun(ledger, lease, { status: "CANCELLED" });
    expect(await all(watcher.watch(run.id))).toMatchObject([{ id: run.id, status: "CANCELLED" }]);
  });

  it("gathers changes that follow each other closely, and never loses the last", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const { run, lease } = await claimedRun(ledger);
    const startedAtMs = performance.now();
    const seen = all(watcher.watch(run.id));
    for (let step = 1; step <= 200; step++) await writeProgress(ledger, lease, percent(step / 4));
    await finishRun(ledger, lease, { status: "SUCCEEDED" });
    const states = await seen;
    const tenthsOfSeconds = (performance.now() - startedAtMs) / 100;
    // The first at once, and a timer may be early by less than a millisecond.
    expect(states.length).toBeLessThanOrEqual(Math.ceil(tenthsOfSeconds) + 1);
    expect(states.at(-1)).toMatchObject({ status: "SUCCEEDED" });
    const percents = states.map(({ progress }) => progress.percent);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
  });

  it("keeps the latest state alone for a reader who is slow", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const { run, lease } = await claimedRun(ledger);
    const states = watcher.watch(run.id);
    const quick = watcher.watch(run.id);
    for (let step = 1; step <= 5; step++) {
      await writeProgress(ledger, lease, percent(step));
      while ((await quick.next()).value?.progress.percent !== step);
    }
    await finishRun(ledger, lease, { status: "SUCCEEDED" });
    await all(quick);
    expect(await all(states)).toMatchObject([{ status: "SUCCEEDED" }]);
  });

  it("is read once for five hundred who watch it", async () => {
    const counted = countingLedger();
    const watcher = await testWatcher(counted);
    const { run, lease } = await claimedRun(ledger);
    const watching = Array.from({ length: 500 }, () => all(watcher.watch(run.id)));
    for (let step = 1; step <= 10; step++) {
      await writeProgress(ledger, lease, percent(step));
      await delay(20);
    }
    await finishRun(ledger, lease, { status: "SUCCEEDED" });
    const ends = (await Promise.all(watching)).map((states) => states.at(-1)?.status);
    expect(ends).toEqual(Array.from({ length: 500 }, () => "SUCCEEDED"));
    expect(counted.queries()).toBeLessThan(20);
  });

  it("lets a reader leave who waits for a change, by return() and by its signal", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const { run } = await claimedRun(ledger);
    const controller = new AbortController();
    for (const [leave, states] of [
      [(states: AsyncIterator<Run>) => states.return?.(), watcher.watch(run.id)],
      [() => controller.abort(), watcher.watch(run.id, controller.signal)],
    ] as const) {
      await states.next();
      const idle = states.next();
      await leave(states);
      expect(await idle).toEqual({ done: true, value: undefined });
    }
  });

  it("is not read any more when nobody watches", async () => {
    const counted = countingLedger();
    const watcher = await testWatcher(counted);
    const { run } = await claimedRun(ledger);
    const states = watcher.watch(run.id);
    await states.next();
    await states.return?.();
    const before = counted.queries();
    await requestCancel(ledger, run.id);
    await delay(1_200);
    expect(counted.queries()).toBe(before);
  });

  it("that there is not is NOT_FOUND", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    for (const id of [randomUUID(), "nonsense"]) {
      await expect(watcher.watch(id).next()).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
  });
});

describe("what is lost", () => {
  it("is a delay and no more when an announcement is: the row is read again anyway", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const { run } = await claimedRun(ledger);
    const states = watcher.watch(run.id);
    await states.next();
    await ledger.sql`
      update holdfast.runs set status = 'FAILED', finished_at = now(), revision = revision + 1
      where id = ${run.id}`;
    expect(await all(states)).toMatchObject([{ status: "FAILED" }]);
  });

  it("is nothing when the listening connection is: it listens again, and the end is seen", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const { run, lease } = await claimedRun(ledger);
    const states = watcher.watch(run.id);
    await states.next();
    const before = await listeners();
    expect(before.length).toBeGreaterThan(0);
    await ledger.sql`select pg_terminate_backend(pid) from unnest(${before.map(({ pid }) => pid)}::int[]) pid`;
    await finishRun(ledger, lease, { status: "SUCCEEDED" });
    expect(await all(states)).toMatchObject([{ status: "SUCCEEDED" }]);
    const old = new Set(before.map(({ pid }) => pid));
    await vi.waitFor(
      async () => {
        const now = await listeners();
        expect(now.some(({ pid }) => !old.has(pid))).toBe(true);
      },
      { timeout: 20_000 },
    );
  });

  it("is nothing when the database is out of reach for a while", async () => {
    const passage = await openPassage(database.url);
    const errors: unknown[] = [];
    const watcher = await watchRuns(testLedger(passage.url), (error) => errors.push(error));
    onTestFinished(() => watcher.close());
    const { run, lease } = await claimedRun(ledger);
    const states = watcher.watch(run.id);
    await states.next();
    await passage.cut();
    await finishRun(ledger, lease, { status: "SUCCEEDED" });
    await vi.waitFor(() => expect(errors.length).toBeGreaterThan(1), { timeout: 20_000 });
    await passage.mend();
    expect(await all(states)).toMatchObject([{ status: "SUCCEEDED" }]);
    await vi.waitFor(async () => expect(await listeners()).toHaveLength(1), { timeout: 20_000 });
  });

  it("is nothing when the server is: who watches a new one sees the end", async () => {
    const { run, lease } = await claimedRun(ledger);
    const first = await watchRuns(testLedger(database.url));
    const cut = first.watch(run.id);
    await cut.next();
    await first.close();
    expect(await cut.next()).toEqual({ done: true, value: undefined });
    await finishRun(ledger, lease, { status: "SUCCEEDED" });
    const second = await testWatcher(testLedger(database.url));
    expect(await all(second.watch(run.id))).toMatchObject([{ status: "SUCCEEDED" }]);
  });
});

it("calls back once when a run is to be cancelled, also where that was asked for before", async () => {
  const watcher = await testWatcher(testLedger(database.url));
  const { run } = await claimedRun(ledger);
  const other = await claimedRun(ledger);
  const called = Promise.withResolvers<void>();
  const never = vi.fn<() => void>();
  const early = vi.fn<() => void>(() => called.resolve());
  watcher.onCancelRequested(run.id, early);
  watcher.onCancelRequested(other.run.id, never);
  watcher.onCancelRequested(run.id, never)();
  await requestCancel(ledger, run.id);
  await called.promise;
  const late = Promise.withResolvers<void>();
  watcher.onCancelRequested(run.id, late.resolve);
  await late.promise;
  expect(early).toHaveBeenCalledTimes(1);
  expect(never).not.toHaveBeenCalled();
});

describe("all runs", () => {
  it("come as they change, not as they were before", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const old = await queuedRun(ledger);
    const changes = watcher.watchAll();
    const fresh = await queuedRun(ledger);
    await requestCancel(ledger, fresh.id);
    await requestCancel(ledger, old.id);
    const seen: Run[] = [];
    while (!(seen.some(isEndOf(fresh)) && seen.some(isEndOf(old)))) {
      const { value } = await changes.next();
      if (value !== undefined && [old.id, fresh.id].includes(value.id)) seen.push(value);
    }
    expect(seen.filter(({ id }) => id === old.id)).toMatchObject([{ status: "CANCELLED" }]);
    await changes.return?.();
  });

  it("are found when they change unheard", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const { run } = await claimedRun(ledger);
    const changes = watcher.watchAll();
    // Long enough for the first look over the ledger, which later ones are compared with.
    await delay(300);
    await ledger.sql`update holdfast.runs set revision = revision + 1 where id = ${run.id}`;
    let changed: Run | undefined;
    do changed = (await changes.next()).value;
    while (changed?.id !== run.id);
    expect(changed.status).toBe("RUNNING");
  });

  it("leave a reader behind who lets ten thousand wait", async () => {
    const watcher = await testWatcher(testLedger(database.url));
    const last = await queuedRun(ledger);
    const changes = watcher.watchAll();
    const end = all(watcher.watch(last.id));
    await ledger.sql`
      with made as (
        insert into holdfast.runs (kind, entities, request, progress)
        select 'BACKUP', '{}', '{}', '{}' from generate_series(1, 10001) returning id
      )
      select pg_notify('holdfast_runs', id::text) from made`;
    await requestCancel(ledger, last.id);
    await end;
    await expect(all(changes)).rejects.toMatchObject({ code: "SUBSCRIBER_TOO_SLOW" });
  });
});

function isEndOf({ id }: Run): (run: Run) => boolean {
  return (run) => run.id === id && run.status === "CANCELLED";
}
