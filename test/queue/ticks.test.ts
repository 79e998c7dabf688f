// The schedules' clock, on whichever backend the tests run.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, it, onTestFinished } from "vitest";
import type { RunQueue } from "../../src/queue/queue.ts";
import type { Tick, TimedTick } from "../../src/queue/ticks.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import {
  loseWholeQueue,
  newNamespace,
  readWholeQueue,
  testQueue,
  type TestQueueOptions,
} from "./queue-fixture.ts";

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

const EVERY_SECOND = { cron: "* * * * * *", timeZone: "Europe/Berlin" };
const YEARLY = { cron: "0 0 1 1 *", timeZone: "Europe/Berlin" };
const timed = (times = EVERY_SECOND, scheduleId: string = randomUUID()): TimedTick => ({
  ...{ scheduleId, kind: "BACKUP", times },
});
const arrange = (ticks: readonly TimedTick[], on = queue) => on.ticks.arrange(async () => ticks);

/** What comes from now on, in a process of its own. */
async function take(): Promise<(Tick & { readonly now: Date })[]> {
  const taken: (Tick & { readonly now: Date })[] = [];
  const worker = await (
    await testQueue(place)
  ).ticks.startWorker(async (tick, now) => void taken.push({ ...tick, now }));
  onTestFinished(() => worker.close());
  return taken;
}
const PATIENCE = { timeout: 20_000 };

it("brings a tick whenever its schedule is due, and says whose it is", async () => {
  const ticks = [timed(), { ...timed(), kind: "VERIFICATION" as const }, timed(YEARLY)];
  const taken = await take();
  await arrange(ticks);
  const seen = () => new Set(taken.map(({ scheduleId, kind }) => `${scheduleId} ${kind}`));
  await expect.poll(() => seen().size, PATIENCE).toBe(2);
  expect(seen()).toEqual(new Set(ticks.slice(0, 2).map(({ scheduleId, kind }) => `${scheduleId} ${kind}`)));
  await expect.poll(() => taken.length, PATIENCE).toBeGreaterThan(4);
});

it("has one tick to come for each schedule, however many servers arrange it", async () => {
  const ticks = [timed(YEARLY), timed(YEARLY)];
  const servers = [queue, await testQueue(place), await testQueue(place)];
  for (let round = 0; round < 2; round += 1)
    await Promise.all(servers.map((server) => arrange(ticks, server)));
  const whole = await readWholeQueue(place);
  for (const { scheduleId } of ticks) {
    const jobs = new Set(whole.match(new RegExp(`repeat:${scheduleId}-backup:\\d+`, "g")));
    expect(jobs.size).toBe(1);
  }
});

it("changes with its schedules: new times count, and what is gone is gone", async () => {
  const [moved, gone] = [timed(), timed()];
  await arrange([moved, gone]);
  await arrange([{ ...moved, times: YEARLY }]);
  const whole = await readWholeQueue(place);
  expect(whole).toContain(YEARLY.cron);
  expect(whole).not.toContain(EVERY_SECOND.cron);
  // What has been may still be named by the queue's own events.
  const standing = (id: string) => new RegExp(`scheduleId\\W+${id}`).test(whole);
  expect([standing(moved.scheduleId), standing(gone.scheduleId)]).toEqual([true, false]);
});

it("is put back into a queue that was emptied", async () => {
  const tick = timed();
  await arrange([tick]);
  await loseWholeQueue(place);
  expect(await readWholeQueue(place)).not.toContain(tick.scheduleId);
  await arrange([tick]);
  const taken = await take();
  await expect.poll(() => taken.length, PATIENCE).toBeGreaterThan(1);
});

it("keeps coming when a handler fails", async () => {
  let times = 0;
  const worker = await queue.ticks.startWorker(async () => {
    times += 1;
    throw new Error("the ledger is out of reach");
  });
  onTestFinished(() => worker.close());
  await arrange([timed()]);
  await expect.poll(() => times, PATIENCE).toBeGreaterThan(1);
});
