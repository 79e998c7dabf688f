// Requests that come together, on one server or on two: which of them counts, and what the others are told.
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../src/auth/caller.ts";
import { beginReading } from "../../src/ledger/artifact-uses.ts";
import { finishRun } from "../../src/ledger/attempts.ts";
import { findArtifact } from "../../src/ledger/artifacts.ts";
import { findRun } from "../../src/ledger/runs.ts";
import { cancelRun } from "../../src/runs/cancel-run.ts";
import { pinBackup } from "../../src/runs/delete-backup.ts";
import type { RunDeps } from "../../src/runs/deps.ts";
import { startDue } from "../../src/runs/due.ts";
import { pruneBackups } from "../../src/runs/prune-backups.ts";
import { createSchedule, triggerSchedule } from "../../src/runs/schedules.ts";
import { startBackup } from "../../src/runs/start-backup.ts";
import { startRestore } from "../../src/runs/start-restore.ts";
import { publicError } from "../../src/http/public-error.ts";
import { claim, finishedBackup } from "../http/runs-driver.ts";
import { createRunsWorld, type RunsWorld } from "../runs/runs-world.ts";

let place: RunsWorld;
let servers: readonly [RunDeps, RunDeps];
let keeper: Caller;
beforeAll(async () => {
  place = await createRunsWorld();
  servers = [place.deps, await place.another()];
  keeper = await place.callerWith("MANAGE_BACKUPS", "READ_ACLS", "WRITE_ACLS");
});
afterAll(() => place[Symbol.asyncDispose]());
beforeEach(() => place.clear());

const ledger = () => place.world.ledger;
const server = (n: number): RunDeps => servers[n % 2 === 0 ? 0 : 1];
const times = <T>(count: number, act: (n: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => act(n)));
async function audited(action: string): Promise<number> {
  const rows = await ledger().sql`select from platform.audit_logs where action = ${action}`;
  return rows.length;
}
const codesOf = (ended: readonly PromiseSettledResult<unknown>[]): string[] =>
  ended.map((one) => (one.status === "rejected" ? String(one.reason.code) : one.status)).toSorted();

/** Until a session waits for a lock in the ledger. */
async function untilWaiting(): Promise<void> {
  const waits = () => ledger().sql`
    select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await expect.poll(async () => (await waits()).length, { timeout: 20_000 }).toBeGreaterThan(0);
}

describe("the same idempotency key, from ten clients of two servers", () => {
  it("starts one backup, audited once, with one job; all ten are answered with it", async () => {
    const input = { entities: ["USERS"], idempotencyKey: "nightly" };
    const answers = await times(10, (n) => startBackup(server(n), keeper, input));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await audited("backup.started")).toBe(1);
    expect(await ledger().sql`select from holdfast.runs`).toHaveLength(1);
    expect(await place.deps.queue.counts()).toMatchObject({ waiting: 1, active: 0 });
    await place.deps.queue.remove(answers[0]?.id ?? "");
  });

  it("with other arguments each is answered with the first run, which says what it is of", async () => {
    const answers = await times(10, (n) =>
      startBackup(server(n), keeper, {
        entities: [n % 2 === 0 ? "USERS" : "ROLES"],
        label: `label ${n}`,
        idempotencyKey: "nightly",
      }),
    );
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(new Set(answers.map(({ request }) => request.label)).size).toBe(1);
    expect(await audited("backup.started")).toBe(1);
    const kept = await findRun(ledger(), answers[0]?.id ?? "");
    expect(answers.map(({ entities }) => entities)).toEqual(answers.map(() => kept?.entities));
    await place.deps.queue.remove(kept?.id ?? "");
  });

  it("starts one restore", async () => {
    const backupId = await finishedBackup(ledger(), ["USERS"]);
    const input = { backupId, mode: "MERGE", dryRun: false, idempotencyKey: "once" } as const;
    const answers = await times(10, (n) => startRestore(server(n), keeper, input));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await audited("restore.started")).toBe(1);
  });
});

describe("pruning", () => {
  const onlyTheNewest = { retention: { keepLast: 1 }, dryRun: false };

  it("keeps a backup that is pinned at the same moment: it waits to see", async () => {
    const [old] = [await finishedBackup(ledger(), ["USERS"]), await finishedBackup(ledger(), ["USERS"])];
    const { promise: decided, resolve: decide } = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    // As pinBackup does, but slowly.
    const pinning = ledger().sql.begin(async (tx) => {
      await tx`update holdfast.artifacts set pinned = true where run_id = ${old}`;
      held.resolve();
      await decided;
    });
    await held.promise;
    const pruning = pruneBackups(server(1), keeper, onlyTheNewest);
    await untilWaiting();
    decide();
    await pinning;
    expect((await pruning).deleted).toEqual([]);
    expect((await findArtifact(ledger(), old))?.deletionRequestedAt).toBeNull();
  });

  it("and pinning, whoever comes first: the backup is pinned, or the pin is refused", async () => {
    for (let round = 0; round < 4; round += 1) {
      await place.clear();
      const [old] = [await finishedBackup(ledger(), ["USERS"]), await finishedBackup(ledger(), ["USERS"])];
      const [pinned] = await Promise.allSettled([
        pinBackup(server(0), keeper, { id: old, pinned: true }),
        pruneBackups(server(1), keeper, onlyTheNewest),
      ]);
      const artifact = await findArtifact(ledger(), old);
      expect([artifact?.pinned, artifact?.deletionRequestedAt === null]).toEqual(
        pinned.status === "fulfilled" ? [true, true] : [false, false],
      );
      if (pinned.status === "rejected") expect(pinned.reason).toMatchObject({ code: "BACKUP_DELETED" });
    }
  });

  it("keeps a backup that is being downloaded, and says so", async () => {
    const [old] = [await finishedBackup(ledger(), ["USERS"]), await finishedBackup(ledger(), ["USERS"])];
    const artifact = await findArtifact(ledger(), old);
    await beginReading(ledger(), artifact ?? expect.fail("no artifact"));
    const { kept } = await pruneBackups(server(1), keeper, onlyTheNewest);
    expect(kept.find(({ backup }) => backup.run.id === old)?.reasons).toEqual(["in use by a download"]);
  });
});

describe("a schedule", () => {
  it("that is triggered by hand when its time comes starts one backup", async () => {
    const { id: scheduleId } = await createSchedule(place.deps, keeper, {
      ...{ name: "nightly", cron: "30 2 * * *", timeZone: "UTC", enabled: true, entities: ["USERS"] },
    });
    await ledger().sql`update holdfast.schedules set settled_until = '2026-11-20'`;
    const now = new Date("2026-11-20T02:30:00Z");
    const tick = { scheduleId, kind: "BACKUP" } as const;
    const [triggered, ...ticks] = await Promise.allSettled([
      triggerSchedule(server(0), keeper, scheduleId),
      startDue(server(1), tick, now),
      startDue(server(0), tick, now),
    ]);
    expect(await ledger().sql`select from holdfast.runs`).toHaveLength(1);
    // Either the tick was passed over, which is audited, or whoever came by hand was told of the run.
    const started = ticks.filter((one) => one.status === "fulfilled" && one.value !== undefined).length;
    expect(codesOf([triggered])).toEqual([started === 0 ? "fulfilled" : "SCHEDULE_BUSY"]);
    expect(await audited("schedule.skipped")).toBe(started === 0 ? 1 : 0);
  });
});

describe("cancelling", () => {
  it("by ten clients at once cancels once", async () => {
    const run = await startBackup(place.deps, keeper, { entities: ["USERS"] });
    const ended = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => cancelRun(server(n), keeper, run.id)),
    );
    expect(codesOf(ended)).toEqual([...Array.from({ length: 9 }, () => "ALREADY_FINISHED"), "fulfilled"]);
    expect(await audited("backup.cancelled")).toBe(1);
    expect(await findRun(ledger(), run.id)).toMatchObject({ status: "CANCELLED" });
  });

  it("a run that ends at the same moment: one of the two is its end, and stays so", async () => {
    for (let round = 0; round < 4; round += 1) {
      const run = await startBackup(place.deps, keeper, { entities: ["USERS"] });
      const lease = await claim(ledger(), run.id);
      const [finished, cancelled] = await Promise.allSettled([
        finishRun(ledger(), lease, { status: "CANCELLED" }),
        cancelRun(server(1), keeper, run.id),
      ]);
      expect(finished).toEqual({ status: "fulfilled", value: true });
      expect(["fulfilled", "ALREADY_FINISHED"]).toContain(codesOf([cancelled])[0]);
      expect(await findRun(ledger(), run.id)).toMatchObject({ status: "CANCELLED" });
    }
  });
});

describe("a restore of what Holdfast itself writes", () => {
  it("delays requests that write there, and loses none", async () => {
    const { promise: decided, resolve: decide } = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    // As a restore of AUDIT_LOGS locks it.
    const restoring = ledger().sql.begin(async (tx) => {
      await tx`lock table platform.audit_logs in share row exclusive mode`;
      held.resolve();
      await decided;
    });
    await held.promise;
    const starting = startBackup(place.deps, keeper, { entities: ["USERS"] });
    await untilWaiting();
    decide();
    await restoring;
    expect(await starting).toMatchObject({ status: "QUEUED" });
  });

  it("refuses a request that has waited too long as TABLE_LOCKED, with what to do", async () => {
    const { promise: decided, resolve: decide } = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const restoring = ledger().sql.begin(async (tx) => {
      await tx`lock table platform.audit_logs in share row exclusive mode`;
      held.resolve();
      await decided;
    });
    await held.promise;
    const writing = ledger().db.transaction(async (tx) => {
      await tx.execute("set local lock_timeout = 50");
      await tx.execute("insert into platform.audit_logs (action) values ('late')");
    });
    const error: unknown = await writing.catch((reason: unknown) => reason);
    decide();
    await restoring;
    expect(publicError(error, place.deps.log)).toMatchObject({
      ...{ code: "TABLE_LOCKED", retryable: true },
      hint: expect.stringContaining("try again"),
    });
  });
});
