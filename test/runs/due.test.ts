// What schedules start by themselves, at times that the tests choose.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../src/auth/caller.ts";
import { findRun } from "../../src/ledger/runs.ts";
import { findSchedule } from "../../src/ledger/schedules.ts";
import { lookAfterSchedules, nextRunOf, startDue } from "../../src/runs/due.ts";
import { createSchedule, deleteSchedule } from "../../src/runs/schedules.ts";
import { claim, finishedBackup, succeedBackup } from "../http/runs-driver.ts";
import type { RunDeps } from "../../src/runs/deps.ts";
import { createRunsWorld, type RunsWorld } from "./runs-world.ts";

let place: RunsWorld;
let keeper: Caller;
let scheduleId: string;
let other: RunDeps;
beforeAll(async () => {
  place = await createRunsWorld();
  other = await place.another();
  keeper = await place.callerWith("MANAGE_BACKUPS", "READ_ACLS");
});
afterAll(() => place[Symbol.asyncDispose]());
beforeEach(async () => {
  await place.clear();
  scheduleId = await makeSchedule("nightly");
});

/** Due every day at 02:30 UTC, a drill on Sundays at 04:00; settled up to the 20th of November 2026. */
async function makeSchedule(name: string): Promise<string> {
  const { id } = await createSchedule(place.deps, keeper, {
    ...{
      name,
      cron: "30 2 * * *",
      drillCron: "0 4 * * 0",
      timeZone: "UTC",
      enabled: true,
      entities: ["USERS"],
    },
  });
  await place.world.ledger.sql`
    update holdfast.schedules set settled_until = '2026-11-20', drills_settled_until = '2026-11-20' where id = ${id}`;
  return id;
}
const at = (time: string) => new Date(`2026-11-${time}:00Z`);
const due = (now: string, deps = place.deps) => startDue(deps, { scheduleId, kind: "BACKUP" }, at(now));
/** The times that backups were started for. */
const startedFor = async () =>
  (
    await place.world.ledger.sql<{ due: string }[]>`
    select due_at as due from holdfast.runs where kind = 'BACKUP' order by created_at`
  ).map(({ due }) => new Date(due));
async function finish(runId: string | undefined): Promise<void> {
  await succeedBackup(place.world.ledger, await claim(place.world.ledger, runId ?? ""), ["USERS"]);
}

describe("a backup that is due", () => {
  it("is started once, by Holdfast itself, and queued", async () => {
    expect(await due("20T02:29")).toBeUndefined();
    const run = await due("20T02:30");
    expect(run).toMatchObject({
      ...{ kind: "BACKUP", status: "QUEUED", entities: ["USERS"], scheduleId, requestedBy: null },
      dueAt: at("20T02:30"),
    });
    expect(await place.deps.queue.has(run?.id ?? "")).toBe(true);
    await finish(run?.id);
    expect(await due("20T02:31")).toBeUndefined();
    expect(await due("21T02:30")).toMatchObject({ dueAt: at("21T02:30") });
  });

  it("is started once by two servers that have the tick at the same moment", async () => {
    const servers = [place.deps, other];
    const started = await Promise.all([0, 1, 0, 1].map((index) => due("20T02:30", servers[index])));
    expect(started.filter((run) => run !== undefined)).toHaveLength(1);
    expect(await startedFor()).toHaveLength(1);
  });

  it("is made up for once, however many times were missed", async () => {
    expect(await due("25T09:00")).toMatchObject({ dueAt: at("25T02:30") });
    expect(await due("25T09:01")).toBeUndefined();
    expect(await startedFor()).toHaveLength(1);
  });

  it("is passed over while the former one has not ended, which is audited; the next one comes at its time", async () => {
    const first = await due("20T02:30");
    expect(await due("21T02:30")).toBeUndefined();
    const audited = await place.world.ledger.sql`
      select target, details from platform.audit_logs where action = 'schedule.skipped'`;
    expect(audited).toMatchObject([
      {
        target: `schedule:${scheduleId}`,
        details: { kind: "BACKUP", code: "SCHEDULE_BUSY", dueAt: "2026-11-21T02:30:00.000Z" },
      },
    ]);
    await finish(first?.id);
    expect(await due("21T09:00")).toBeUndefined();
    expect(await due("22T02:30")).toMatchObject({ dueAt: at("22T02:30") });
  });

  it("is not started for a schedule that is disabled or deleted", async () => {
    await place.world.ledger.sql`update holdfast.schedules set enabled = false`;
    expect(await due("20T02:30")).toBeUndefined();
    await deleteSchedule(place.deps, keeper, scheduleId);
    expect(await due("20T02:30")).toBeUndefined();
  });

  it("of what the catalog does not know any more is passed over, which is audited", async () => {
    await place.world.ledger.sql`update holdfast.schedules set selection = '{"entities": ["UNICORNS"]}'`;
    expect(await due("20T02:30")).toBeUndefined();
    expect(
      await place.world.ledger.sql`
      select details ->> 'code' as code from platform.audit_logs where action = 'schedule.skipped'`,
    ).toEqual([{ code: "BAD_INPUT" }]);
  });
});

describe("a drill that is due", () => {
  const drill = (now: string) => startDue(place.deps, { scheduleId, kind: "VERIFICATION" }, at(now));

  it("is of the schedule's newest backup that is there", async () => {
    expect(await drill("22T04:00")).toBeUndefined();
    const first = await due("20T02:30");
    await finish(first?.id);
    const second = await due("21T02:30");
    await finishedBackup(place.world.ledger, ["USERS"]);
    expect(await drill("29T04:00")).toMatchObject({
      ...{ kind: "VERIFICATION", status: "QUEUED", entities: ["USERS"], scheduleId, dueAt: at("29T04:00") },
      request: { backupId: first?.id, level: "DRILL", unattended: true },
    });
    expect(await drill("29T04:01")).toBeUndefined();
    expect((await findRun(place.world.ledger, second?.id ?? ""))?.status).toBe("QUEUED");
  });
});

describe("looking after the schedules", () => {
  it("starts what no tick has started in time, and leaves to the ticks what is due just now", async () => {
    await lookAfterSchedules(place.deps, at("20T02:30"));
    expect(await startedFor()).toEqual([]);
    await lookAfterSchedules(place.deps, at("20T02:31"));
    expect(await startedFor()).toEqual([at("20T02:30")]);
    await lookAfterSchedules(place.deps, at("20T02:32"));
    expect(await startedFor()).toHaveLength(1);
  });

  it("makes up for each schedule by itself", async () => {
    await makeSchedule("other");
    await Promise.all([1, 2].map(() => lookAfterSchedules(place.deps, at("25T09:00"))));
    expect(await startedFor()).toEqual([at("25T02:30"), at("25T02:30")]);
  });
});

it("the next run is shown for both kinds, and none while it is disabled", async () => {
  const schedule = await findSchedule(place.world.ledger.db, scheduleId);
  if (schedule === undefined) expect.fail("the schedule is gone");
  expect(nextRunOf(schedule, "BACKUP", at("22T02:30"))).toEqual(at("23T02:30"));
  expect(nextRunOf(schedule, "VERIFICATION", at("22T03:00"))).toEqual(at("22T04:00"));
  expect(nextRunOf({ ...schedule, enabled: false }, "BACKUP", at("22T02:30"))).toBeUndefined();
  expect(nextRunOf({ ...schedule, drillCron: null }, "VERIFICATION", at("22T02:30"))).toBeUndefined();
});
