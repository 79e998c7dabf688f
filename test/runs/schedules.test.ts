// Schedules as callers make them: the checks, the rights, and what becomes of their backups.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../src/auth/caller.ts";
import { generateIdentity } from "../../src/codec/age.ts";
import { findSchedule } from "../../src/ledger/schedules.ts";
import { findRun } from "../../src/ledger/runs.ts";
import { startDue } from "../../src/runs/due.ts";
import type { ScheduleInput } from "../../src/runs/schedule-input.ts";
import {
  createSchedule,
  deleteSchedule,
  findVisibleSchedule,
  lastRunOf,
  listVisibleSchedules,
  triggerSchedule,
  updateSchedule,
} from "../../src/runs/schedules.ts";
import { claim, succeedBackup } from "../http/runs-driver.ts";
import type { RunDeps } from "../../src/runs/deps.ts";
import { createRunsWorld, type RunsWorld } from "./runs-world.ts";

let place: RunsWorld;
let keeper: Caller;
let other: RunDeps;
beforeAll(async () => {
  place = await createRunsWorld();
  other = await place.another();
  keeper = await place.callerWith("MANAGE_BACKUPS", "READ_ACLS", "READ_ALERTS");
});
afterAll(() => place[Symbol.asyncDispose]());
beforeEach(async () => {
  await place.clear();
});

const input = (change: Partial<ScheduleInput> = {}): ScheduleInput => ({
  ...{ name: "nightly", cron: "30 2 * * *", timeZone: "Europe/Berlin", enabled: true, entities: ["USERS"] },
  ...change,
});
const auditedActions = async () =>
  (
    await place.world.ledger.sql<{ action: string; actor: string | null }[]>`
    select action, actor from platform.audit_logs where action like 'schedule.%' order by id`
  ).map(({ action, actor }) => `${action} by ${actor}`);

describe("making a schedule", () => {
  it("keeps what was asked for, with the default store, and is audited", async () => {
    const { recipient } = await generateIdentity();
    const retention = { keepDaily: 7, keepLast: 0 };
    const made = await createSchedule(
      place.deps,
      keeper,
      input({ groups: ["AUTH"], recipients: [recipient, recipient], retention, drillCron: "0 4 * * 0" }),
    );
    expect(await findSchedule(place.world.ledger.db, made.id)).toMatchObject({
      ...{
        name: "nightly",
        cron: "30 2 * * *",
        timeZone: "Europe/Berlin",
        enabled: true,
        drillCron: "0 4 * * 0",
      },
      selection: { entities: ["USERS"], groups: ["AUTH"] },
      recipients: [recipient],
      stores: ["local"],
      retention: { keepDaily: 7, keepLast: null },
      createdBy: keeper.username,
    });
    expect(await auditedActions()).toEqual([`schedule.created by ${keeper.username}`]);
  });

  it.each([
    ["no name", { name: "" }, "BAD_INPUT"],
    ["no cron expression", { cron: "whenever" }, "BAD_INPUT"],
    ["no time zone", { timeZone: "Berlin" }, "BAD_INPUT"],
    ["a drill that never comes", { drillCron: "0 0 31 2 *" }, "BAD_INPUT"],
    ["an unknown entity", { entities: ["UNICORNS"] }, "BAD_INPUT"],
    ["nothing to back up", { entities: [] }, "BAD_INPUT"],
    ["an unknown store", { stores: ["moon"] }, "BAD_INPUT"],
    ["a recipient that is none", { recipients: ["age1nonsense"] }, "BAD_RECIPIENT"],
    ["a policy that keeps nothing", { retention: {} }, "BAD_INPUT"],
  ] as const)("is refused with %s", async (_, change, code) => {
    await expect(createSchedule(place.deps, keeper, input(change))).rejects.toMatchObject({ code });
    expect(await listVisibleSchedules(place.deps, keeper)).toEqual([]);
  });

  it("is refused with a name that another has, also at the same moment", async () => {
    const both = await Promise.allSettled([1, 2].map(() => createSchedule(place.deps, keeper, input())));
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    await expect(createSchedule(place.deps, keeper, input())).rejects.toMatchObject({
      code: "BAD_INPUT",
      message: "`name`: there is a schedule nightly already.",
    });
  });

  it("takes MANAGE_BACKUPS, and READ of every entity that it selects", async () => {
    const reader = await place.callerWith("READ_ACLS");
    await expect(createSchedule(place.deps, reader, input())).rejects.toMatchObject({
      code: "FORBIDDEN",
      details: { missing: ["MANAGE_BACKUPS"] },
    });
    await expect(
      createSchedule(place.deps, keeper, input({ entities: ["USERS", "SPACES"] })),
    ).rejects.toMatchObject({
      code: "FORBIDDEN",
      details: { missing: ["READ_SPACES"] },
    });
  });
});

describe("a schedule", () => {
  it("is not there for whoever may not read all that it selects", async () => {
    const { id } = await createSchedule(place.deps, keeper, input({ entities: ["USERS", "ALERTS"] }));
    const stranger = await place.callerWith("MANAGE_BACKUPS", "READ_ACLS");
    expect(await listVisibleSchedules(place.deps, stranger)).toEqual([]);
    expect(await findVisibleSchedule(place.deps, stranger, id)).toBeUndefined();
    const gone = { code: "NOT_FOUND" };
    await expect(updateSchedule(place.deps, stranger, id, input())).rejects.toMatchObject(gone);
    await expect(triggerSchedule(place.deps, stranger, id)).rejects.toMatchObject(gone);
    await expect(deleteSchedule(place.deps, stranger, id)).rejects.toMatchObject(gone);
    await expect(deleteSchedule(place.deps, keeper, randomUUID())).rejects.toMatchObject(gone);
    await expect(deleteSchedule(place.deps, keeper, "nightly")).rejects.toMatchObject(gone);
    expect(await findVisibleSchedule(place.deps, keeper, id)).toBeDefined();
  });

  it("is changed in what is said, and stays as it is in the rest", async () => {
    const { recipient } = await generateIdentity();
    const first = input({
      recipients: [recipient],
      stores: ["offsite"],
      retention: { keepLast: 3 },
      drillCron: "@weekly",
    });
    const { id } = await createSchedule(place.deps, keeper, first);
    const rest = { entities: undefined, timeZone: "UTC" };
    const changed = await updateSchedule(
      place.deps,
      keeper,
      id,
      input({ name: "hourly", cron: "0 * * * *", ...rest }),
    );
    expect(changed).toMatchObject({
      ...{ id, name: "hourly", cron: "0 * * * *", timeZone: "UTC", drillCron: "@weekly" },
      ...{ recipients: [recipient], stores: ["offsite"], selection: { entities: ["USERS"] } },
      retention: { keepLast: 3 },
    });
    const bare = { recipients: null, stores: null, retention: null, drillCron: null };
    expect(await updateSchedule(place.deps, keeper, id, input({ ...bare, groups: ["AUTH"] }))).toMatchObject({
      ...{ recipients: [], stores: ["local"], retention: null, drillCron: null },
      selection: { entities: ["USERS"], groups: ["AUTH"] },
    });
    expect(await auditedActions()).toHaveLength(3);
  });

  it("is not changed to a name that another has, nor to what its caller may not read", async () => {
    await createSchedule(place.deps, keeper, input());
    const { id } = await createSchedule(place.deps, keeper, input({ name: "weekly" }));
    await expect(updateSchedule(place.deps, keeper, id, input())).rejects.toMatchObject({
      code: "BAD_INPUT",
    });
    const more = input({ name: "weekly", entities: ["SPACES"] });
    await expect(updateSchedule(place.deps, keeper, id, more)).rejects.toMatchObject({ code: "FORBIDDEN" });
    expect(await findSchedule(place.world.ledger.db, id)).toMatchObject({
      name: "weekly",
      selection: { entities: ["USERS"] },
    });
  });

  it("does not make up for what was due under other times, or while it was disabled", async () => {
    const { sql } = place.world.ledger;
    const { id } = await createSchedule(place.deps, keeper, input({ cron: "0 0 1 1 *" }));
    const tick = { scheduleId: id, kind: "BACKUP" } as const;
    await sql`update holdfast.schedules set settled_until = '2020-01-01'`;
    await updateSchedule(place.deps, keeper, id, input({ cron: "0 0 1 * *" }));
    expect(await startDue(place.deps, tick, new Date())).toBeUndefined();
    await updateSchedule(place.deps, keeper, id, input({ cron: "0 0 1 * *", enabled: false }));
    await sql`update holdfast.schedules set settled_until = '2020-01-01'`;
    expect(await startDue(place.deps, tick, new Date())).toBeUndefined();
    await updateSchedule(place.deps, keeper, id, input({ cron: "0 0 1 * *" }));
    expect(await startDue(place.deps, tick, new Date())).toBeUndefined();
  });
});

describe("triggering", () => {
  it("starts the backup that the schedule describes, for whoever asked", async () => {
    const { recipient } = await generateIdentity();
    const { id } = await createSchedule(
      place.deps,
      keeper,
      input({ recipients: [recipient], enabled: false }),
    );
    const run = await triggerSchedule(place.deps, keeper, id);
    expect(run).toMatchObject({
      ...{ kind: "BACKUP", status: "QUEUED", entities: ["USERS"], scheduleId: id, dueAt: null },
      request: { encryption: "RECIPIENTS", recipients: [recipient], stores: ["local"] },
      requestedBy: keeper.username,
    });
    expect(await place.deps.queue.has(run.id)).toBe(true);
    const schedule = await findSchedule(place.world.ledger.db, id);
    if (schedule === undefined) expect.fail("the schedule is gone");
    expect((await lastRunOf(place.deps, keeper, schedule, "BACKUP"))?.id).toBe(run.id);
  });

  it("is refused while a backup of it has not ended, also twice at the same moment", async () => {
    const { id } = await createSchedule(place.deps, keeper, input());
    const servers = [place.deps, other];
    const both = await Promise.allSettled(servers.map((deps) => triggerSchedule(deps, keeper, id)));
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    await expect(triggerSchedule(place.deps, keeper, id)).rejects.toMatchObject({ code: "SCHEDULE_BUSY" });
    const [run] = both.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    if (run === undefined) expect.fail("no run was started");
    await succeedBackup(place.world.ledger, await claim(place.world.ledger, run.id), ["USERS"]);
    await expect(triggerSchedule(place.deps, keeper, id)).resolves.toMatchObject({ status: "QUEUED" });
  });
});

it("a schedule that is deleted leaves its backups, as backups of no schedule", async () => {
  const { id } = await createSchedule(place.deps, keeper, input());
  const run = await triggerSchedule(place.deps, keeper, id);
  await deleteSchedule(place.deps, keeper, id);
  expect(await listVisibleSchedules(place.deps, keeper)).toEqual([]);
  expect(await findRun(place.world.ledger, run.id)).toMatchObject({ status: "QUEUED", scheduleId: null });
  expect((await auditedActions()).at(-1)).toBe(`schedule.deleted by ${keeper.username}`);
});
