// Whom Holdfast tells what, and that it is told: runs are ended by hand, deliveries go to a real HTTP server.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type { NotifyDeclaration } from "../../src/core/notify-declaration.ts";
import type { Notice } from "../../src/core/notice.ts";
import { finishRun, type Ending } from "../../src/ledger/attempts.ts";
import type { NewArtifact } from "../../src/ledger/artifacts.ts";
import type { Failure } from "../../src/ledger/lease.ts";
import { createRun, type RunRequest } from "../../src/ledger/runs.ts";
import { openQueue } from "../../src/queue/queue.ts";
import { createSchedule, deleteSchedule, updateSchedule } from "../../src/runs/schedules.ts";
import { considerEndedRuns, considerSchedules } from "../../src/runs/notices.ts";
import { deliveryHandler } from "../../workers/delivery.ts";
import { claim } from "../http/runs-driver.ts";
import { newNamespace, redisUrl } from "../queue/queue-fixture.ts";
import { createRunsWorld, type RunsWorld } from "./runs-world.ts";

let place: RunsWorld;
let scheduleId: string;
beforeAll(async () => {
  place = await createRunsWorld();
});
afterAll(() => place[Symbol.asyncDispose]());
beforeEach(async () => {
  await place.clear();
  await place.world.ledger.sql`truncate holdfast.deliveries, holdfast.alarms`;
  const keeper = await place.callerWith("MANAGE_BACKUPS", "READ_ACLS");
  const terms = { name: "nightly", cron: "30 2 * * *", timeZone: "UTC", enabled: true, entities: ["USERS"] };
  ({ id: scheduleId } = await createSchedule(place.deps, keeper, terms));
});

const all: NotifyDeclaration = {
  ...{ kind: "webhook", name: "all", url: "http://127.0.0.1:1/", secret: undefined },
  on: ["failed", "recovered", "overdue", "drill-failed", "store-failed", "unusual"],
};

const look = async (
  now = new Date(),
  notify: readonly NotifyDeclaration[] = [all],
  queue = place.deps.queue,
) => {
  const deps = { ...place.deps, deliveries: queue.deliveries, notify };
  await considerEndedRuns(deps, now);
  await considerSchedules(deps, now);
};

/** What has been told since the last time. */
async function told(now?: Date): Promise<Notice[]> {
  await look(now);
  const rows = await place.world.ledger.sql<{ payload: Notice }[]>`
    with told as (delete from holdfast.deliveries returning payload) select payload from told`;
  return rows.map(({ payload }) => payload);
}

const events = async (now?: Date) => (await told(now)).map(({ event, store }) => store ?? event).toSorted();

const backup = {
  kind: "BACKUP",
  request: { label: null, encryption: "NONE", recipients: [], stores: ["local"] },
} as const;

async function end(request: RunRequest, ending: Ending, ofSchedule = true): Promise<string> {
  const { ledger } = place.world;
  const { run } = await createRun(ledger, {
    ...{ id: randomUUID(), entities: ["USERS"], requestedById: null, requestedBy: null, ...request },
    ...(ofSchedule && { scheduleId }),
  });
  await finishRun(ledger, await claim(ledger, run.id), ending);
  return run.id;
}

const failure: Failure = { code: "STORE_FAILED", message: "There is no space left.", hint: "Make room." };
const failed: Ending = { status: "FAILED", failure };

function succeeded(change: Partial<NewArtifact> = {}): Ending {
  const artifact: NewArtifact = {
    ...{ id: randomUUID(), encryption: "NONE", stores: ["local"], sizeBytes: 1000, rawBytes: 1, rows: 1 },
    contents: [{ entity: "USERS", table: "platform.users", rows: 1, rawBytes: 1 }],
    ...change,
  };
  return { status: "SUCCEEDED", artifact };
}

const withoutOffsite = () =>
  succeeded({ failedStores: [{ store: "offsite", code: "STORE_FAILED", message: "out of reach" }] });

describe("a backup of a schedule", () => {
  it("that failed is told of with its error, each time; and once that backups work again", async () => {
    const id = await end(backup, failed);
    expect(await told()).toEqual([
      {
        ...{ event: "failed", at: expect.any(String), title: "A backup of the schedule nightly failed" },
        ...{ text: "No new backup was made.", schedule: { id: scheduleId, name: "nightly" }, store: null },
        run: { id, kind: "BACKUP", status: "FAILED", error: failure },
      },
    ]);
    await end(backup, failed);
    await end(backup, succeeded());
    await end(backup, succeeded());
    expect(await events()).toEqual(["failed", "recovered"]);
  });

  it("that was cancelled, or is as it should be, is not news", async () => {
    await end(backup, { status: "CANCELLED" });
    await end(backup, succeeded());
    expect(await events()).toEqual([]);
  });

  it("that is not in one of its stores is told of once for the store, until that takes backups again", async () => {
    await end(backup, withoutOffsite());
    await end(backup, withoutOffsite());
    expect(await told()).toMatchObject([
      { event: "store-failed", store: "offsite", title: "The store offsite took no backup" },
    ]);
    await end(backup, succeeded({ stores: ["local", "offsite"] }));
    expect(await told()).toMatchObject([{ event: "recovered", store: "offsite" }]);
  });

  it("that is many times as large as those before is told of", async () => {
    for (let count = 0; count < 5; count++) await end(backup, succeeded());
    await end(backup, succeeded({ sizeBytes: 50_000_000 }));
    expect(await told()).toMatchObject([
      { event: "unusual", text: "It has 50000000 bytes; usual are 1000." },
    ]);
  });
});

it("a failed restore is told of, a failed preview is not", async () => {
  const backupId = await end(backup, succeeded());
  const request = { backupId, mode: "MERGE", expectPlan: null } as const;
  await end({ kind: "RESTORE", request: { ...request, dryRun: true } }, failed, false);
  expect(await events()).toEqual([]);
  await end({ kind: "RESTORE", request: { ...request, dryRun: false } }, failed, false);
  expect(await events()).toEqual(["failed"]);
});

it("a failed drill is told of, and the next one that succeeds", async () => {
  const backupId = await end(backup, succeeded());
  const drill = { kind: "VERIFICATION", request: { backupId, level: "DRILL" } } as const;
  await end(drill, failed);
  expect(await told()).toMatchObject([{ event: "drill-failed", title: "A drill failed" }]);
  await end(drill, { status: "SUCCEEDED" });
  await end(drill, { status: "SUCCEEDED" });
  expect(await events()).toEqual(["recovered"]);
});

it("a schedule that brings no good backup is told of once, and once that it does", async () => {
  const inTwoDays = new Date(Date.now() + 2 * 24 * 60 * 60 * 1000);
  expect(await events()).toEqual([]);
  expect(await told(inTwoDays)).toMatchObject([
    { event: "overdue", title: "The schedule nightly is overdue", run: null },
  ]);
  expect(await events(inTwoDays)).toEqual([]);
  await end(backup, succeeded());
  expect(await events()).toEqual(["recovered"]);
});

it("a schedule that is changed while it is overdue is told of again if it is overdue by its new terms; a deleted one leaves nothing", async () => {
  const { ledger } = place.world;
  const inTwoDays = new Date(Date.now() + 2 * 24 * 60 * 60 * 1000);
  const alarms = () => ledger.sql`select event, subject from holdfast.alarms`;
  expect(await events(inTwoDays)).toEqual(["overdue"]);
  await ledger.sql`update holdfast.alarms set raised_at = now() - interval '1 hour'`;
  const keeper = await place.callerWith("MANAGE_BACKUPS", "READ_ACLS");
  const terms = { name: "nightly", cron: "30 2 * * *", timeZone: "UTC" };
  await updateSchedule(place.deps, keeper, scheduleId, { ...terms, enabled: false });
  expect(await events(inTwoDays)).toEqual([]);
  await updateSchedule(place.deps, keeper, scheduleId, { ...terms, enabled: true });
  expect(await events()).toEqual([]);
  expect(await events(inTwoDays)).toEqual(["overdue"]);
  expect(await events(inTwoDays)).toEqual([]);
  expect(await alarms()).toEqual([{ event: "overdue", subject: `schedule:${scheduleId}` }]);
  await deleteSchedule(place.deps, keeper, scheduleId);
  expect(await alarms()).toEqual([]);
});

it("what ended while nobody was there for days is not news", async () => {
  await end(backup, failed);
  await place.world.ledger.sql`update holdfast.runs set finished_at = now() - interval '25 hours'`;
  expect(await events()).toEqual([]);
});

it("two servers that look at the same moment tell once", async () => {
  await end(backup, failed);
  await Promise.all([look(), look(), look()]);
  expect(await events()).toEqual(["failed"]);
});

it("a notice goes to those who want to know of it, again and again until it is taken", async () => {
  const bodies: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      bodies.push(body);
      response.writeHead(bodies.length < 3 ? 503 : 204).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const notify: NotifyDeclaration[] = [
    { ...all, kind: "webhook", name: "hook", url, secret: "hidden", on: ["failed"] },
    { ...all, kind: "webhook", name: "other", url, secret: "hidden", on: ["overdue"] },
  ];
  const { ledger } = place.world;
  const log = pino({ level: "silent" });
  const queue = await openQueue({
    ...{ redisUrl, databaseUrl: place.world.url, namespace: newNamespace(), log, retryDelayMs: 50 },
  });
  onTestFinished(() => queue.close());
  const worker = await queue.deliveries.startWorker(deliveryHandler({ ledger, notify, log }));
  onTestFinished(() => worker.close());
  await end(backup, failed);
  await look(new Date(), notify, queue);
  const deliveries = () => ledger.sql`
    select target, status, attempts, last_error as error from holdfast.deliveries`;
  await expect
    .poll(deliveries, { timeout: 30_000 })
    .toEqual([{ target: "hook", status: "DELIVERED", attempts: 3, error: null }]);
  expect(bodies).toHaveLength(3);
  expect(new Set(bodies).size).toBe(1);
});

it("a notice whose way is configured no more is given up", async () => {
  await end(backup, failed);
  await look();
  const [row] = await place.world.ledger.sql<{ id: string }[]>`select id from holdfast.deliveries`;
  const handle = deliveryHandler({ ledger: place.world.ledger, notify: [], log: pino({ level: "silent" }) });
  await handle(row?.id ?? "", false);
  const after = await place.world.ledger.sql`select status, last_error as error from holdfast.deliveries`;
  expect(after).toEqual([{ status: "FAILED", error: "all is configured no more." }]);
});
