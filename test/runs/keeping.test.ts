// Pinning, deleting and pruning as callers ask for them, and what keeps a backup from being deleted.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Caller } from "../../src/auth/caller.ts";
import { requestCancel } from "../../src/ledger/runs.ts";
import { beginReading, endReading } from "../../src/ledger/artifact-uses.ts";
import { findArtifact, type Artifact } from "../../src/ledger/artifacts.ts";
import { deleteBackup, pinBackup } from "../../src/runs/delete-backup.ts";
import type { RunDeps } from "../../src/runs/deps.ts";
import {
  applyRetention,
  pruneBackups,
  settleRetention,
  type PruneInput,
} from "../../src/runs/prune-backups.ts";
import { createSchedule, deleteSchedule } from "../../src/runs/schedules.ts";
import { startRestore } from "../../src/runs/start-restore.ts";
import { listVisibleBackups } from "../../src/runs/visible.ts";
import { finishedBackup, queuedBackup } from "../http/runs-driver.ts";
import { createRunsWorld, type RunsWorld } from "./runs-world.ts";

let place: RunsWorld;
let keeper: Caller;
let other: RunDeps;
beforeAll(async () => {
  place = await createRunsWorld();
  other = await place.another();
  keeper = await place.callerWith("MANAGE_BACKUPS", "READ_ACLS", "WRITE_ACLS", "READ_ALERTS");
});
afterAll(() => place[Symbol.asyncDispose]());
beforeEach(() => place.clear());

const backup = (entities = ["USERS"]) => finishedBackup(place.world.ledger, entities);
async function artifactOf(id: string): Promise<Artifact> {
  return (await findArtifact(place.world.ledger, id)) ?? expect.fail("there is no artifact");
}
const remove = (id: string, deps = place.deps, by = keeper) => deleteBackup(deps, by, id);
const restore = (backupId: string, deps = place.deps) =>
  startRestore(deps, keeper, { backupId, mode: "MERGE", dryRun: true });
const audited = (action: string) => place.world.ledger.sql`
  select actor, target, details from platform.audit_logs where action = ${action} order by id`;
/** The ids of those that are listed. */
async function listed(deleted?: boolean): Promise<string[]> {
  const { nodes, totalCount } = await listVisibleBackups(place.deps, keeper, { first: 100, deleted });
  expect(nodes).toHaveLength(totalCount);
  return nodes.map(({ run }) => run.id);
}

describe("deleting", () => {
  it("marks the backup, leaves its run as history, and is audited once, however often it is asked for", async () => {
    const [id, kept] = [await backup(), await backup()];
    const { run, artifact } = await remove(id);
    expect(run).toMatchObject({ id, status: "SUCCEEDED" });
    expect(artifact).toMatchObject({ deletedBy: keeper.username, deletedAt: null });
    expect(artifact?.deletionRequestedAt).toBeInstanceOf(Date);
    expect((await remove(id)).artifact).toEqual(artifact);
    expect(await audited("backup.deleted")).toMatchObject([
      { actor: keeper.username, target: `backup:${id}` },
    ]);
    expect(await listed()).toEqual([kept]);
    expect(await listed(true)).toEqual([id]);
  });

  it("takes what is deleted out of the stores before it answers, if it is told how", async () => {
    let times = 0;
    await remove(await backup(), { ...place.deps, carryOutDeletions: async () => void (times += 1) });
    expect(times).toBe(1);
    const broken = async () => Promise.reject(new Error("no store answers"));
    await expect(remove(await backup(), { ...place.deps, carryOutDeletions: broken })).resolves.toBeDefined();
  });

  it("is refused for a pinned backup, until it is unpinned", async () => {
    const id = await backup();
    await pinBackup(place.deps, keeper, { id, pinned: true });
    await pinBackup(place.deps, keeper, { id, pinned: true });
    await expect(remove(id)).rejects.toMatchObject({
      code: "BACKUP_PINNED",
      hint: expect.stringContaining("Unpin"),
    });
    expect(await artifactOf(id)).toMatchObject({ pinned: true, deletionRequestedAt: null });
    expect((await pinBackup(place.deps, keeper, { id, pinned: false })).artifact?.pinned).toBe(false);
    await remove(id);
    expect(await audited("backup.pinned")).toHaveLength(1);
    expect(await audited("backup.unpinned")).toHaveLength(1);
    await expect(pinBackup(place.deps, keeper, { id, pinned: true })).rejects.toMatchObject({
      code: "BACKUP_DELETED",
    });
  });

  it("is refused while a restore reads it, which is named; and it can be restored no more afterwards", async () => {
    const id = await backup();
    const reading = await restore(id);
    await expect(remove(id)).rejects.toMatchObject({
      code: "BACKUP_IN_USE",
      message: expect.stringContaining(`restore ${reading.id}`),
    });
    await requestCancel(place.world.ledger, reading.id);
    await remove(id);
    await expect(restore(id)).rejects.toMatchObject({ code: "BACKUP_DELETED" });
    expect(await place.world.ledger.sql`select from holdfast.runs where kind = 'RESTORE'`).toHaveLength(1);
  });

  it("is refused while a download reads it, but not for ever if its process has died", async () => {
    const { ledger } = place.world;
    const id = await backup();
    const reader = await beginReading(ledger, await artifactOf(id));
    await expect(remove(id)).rejects.toMatchObject({
      code: "BACKUP_IN_USE",
      message: expect.stringContaining("a download"),
    });
    await endReading(ledger, reader);
    await beginReading(ledger, await artifactOf(id));
    await ledger.sql`update holdfast.artifact_readers set expires_at = now() - interval '1 second'`;
    await remove(id);
    await expect(beginReading(ledger, await artifactOf(id))).rejects.toMatchObject({
      code: "BACKUP_DELETED",
    });
  });

  it("and restoring at the same moment, on two servers: one of them comes first, and the other is told", async () => {
    for (let round = 0; round < 5; round += 1) {
      const id = await backup();
      const [deleted, restored] = await Promise.allSettled([remove(id), restore(id, other)]);
      const codes = [deleted, restored].flatMap((one) =>
        one.status === "rejected" ? [one.reason.code] : [],
      );
      expect(codes).toEqual([deleted.status === "rejected" ? "BACKUP_IN_USE" : "BACKUP_DELETED"]);
    }
  });

  it("waits for a restore that is just being started elsewhere", async () => {
    const id = await backup();
    const { promise: decided, resolve: decide } = Promise.withResolvers<void>();
    const { promise: held, resolve: hold } = Promise.withResolvers<void>();
    const { sql } = place.world.ledger;
    const starting = sql.begin(async (tx) => {
      await tx`select from holdfast.artifacts where run_id = ${id} for share`;
      hold();
      await decided;
      await tx`insert into holdfast.runs (kind, entities, request, progress)
        values ('RESTORE', '{USERS}', ${JSON.stringify({ backupId: id })}::text::jsonb, '{}')`;
    });
    await held;
    const refused = expect(remove(id)).rejects.toMatchObject({ code: "BACKUP_IN_USE" });
    const waits = () => sql`
      select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    await expect.poll(async () => (await waits()).length, { timeout: 10_000 }).toBe(1);
    decide();
    await starting;
    await refused;
  });

  it("takes MANAGE_BACKUPS, and READ of all that the backup holds", async () => {
    const id = await backup(["USERS", "ALERTS"]);
    const reader = await place.callerWith("READ_ACLS", "READ_ALERTS");
    await expect(remove(id, place.deps, reader)).rejects.toMatchObject({ code: "FORBIDDEN" });
    const stranger = await place.callerWith("MANAGE_BACKUPS", "READ_ACLS");
    await expect(remove(id, place.deps, stranger)).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(pinBackup(place.deps, stranger, { id, pinned: true })).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await expect(remove(randomUUID())).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(remove(await queuedBackup(place.world.ledger, ["USERS"]))).rejects.toMatchObject({
      code: "NOT_READY",
    });
  });
});

describe("pruning", () => {
  const prune = (input: Partial<PruneInput>, by = keeper) =>
    pruneBackups(place.deps, by, { retention: { keepLast: 1 }, dryRun: false, ...input });
  /** Finished backups, made on these days of November 2026 at noon UTC. */
  async function backups(
    days: readonly number[],
    scheduleId?: string,
    entities = ["USERS"],
  ): Promise<string[]> {
    const ids: string[] = [];
    for (const day of days) {
      const id = await backup(entities);
      await place.world.ledger.sql`
        update holdfast.runs set created_at = ${`2026-11-${day}T12:00:00Z`}, schedule_id = ${scheduleId ?? null}
        where id = ${id}`;
      ids.push(id);
    }
    return ids;
  }
  async function schedule(
    name: string,
    retention?: PruneInput["retention"],
    timeZone = "UTC",
  ): Promise<string> {
    const terms = { name, cron: "0 0 1 1 *", timeZone, enabled: false, entities: ["USERS"], retention };
    return (await createSchedule(place.deps, keeper, terms)).id;
  }
  const idsOf = (decisions: readonly { readonly backup: { readonly run: { readonly id: string } } }[]) =>
    decisions.map(({ backup: { run } }) => run.id);

  it("says what it would do and why, and does nothing, as a dry run; then it does just that", async () => {
    const [old = "", older = "", oldest = ""] = await backups([21, 20, 10]);
    const retention = { keepDaily: 2 };
    const preview = await prune({ retention, dryRun: true });
    expect(preview.kept.map(({ reasons }) => reasons)).toEqual([["daily 2026-11-21"], ["daily 2026-11-20"]]);
    expect(preview.deleted).toMatchObject([
      { backup: { run: { id: oldest } }, reasons: ["daily 2026-11-10: 2 newer stay"] },
    ]);
    expect((await artifactOf(oldest)).deletionRequestedAt).toBeNull();
    const done = await prune({ retention });
    expect([idsOf(done.kept), idsOf(done.deleted)]).toEqual([[old, older], [oldest]]);
    expect(done.deleted[0]?.backup.artifact?.deletionRequestedAt).toBeInstanceOf(Date);
    expect(await listed()).toEqual([old, older]);
    expect(await audited("backup.deleted")).toMatchObject([
      {
        ...{ actor: keeper.username, target: `backup:${oldest}` },
        details: { retention: { keepDaily: 2 }, reasons: ["daily 2026-11-10: 2 newer stay"] },
      },
    ]);
    const again = await prune({ retention });
    expect([idsOf(again.kept), idsOf(again.deleted)]).toEqual([[old, older], []]);
  });

  it("never looks across two schedules, or from a schedule's backups to others", async () => {
    const [nightly, weekly] = [await schedule("nightly"), await schedule("weekly")];
    const [newest = "", gone = ""] = await backups([21, 20], nightly);
    const [single = ""] = await backups([1], weekly);
    const [byHand = ""] = await backups([2]);
    const [ofAlerts = ""] = await backups([3], undefined, ["ALERTS"]);
    const { kept, deleted } = await prune({});
    expect(idsOf(kept).toSorted()).toEqual([newest, single, byHand, ofAlerts].toSorted());
    expect(idsOf(deleted)).toEqual([gone]);
    const reasons = kept.find(({ backup: { run } }) => run.id === single)?.reasons;
    expect(reasons).toEqual(["last 1 of 1", "the only good one"]);
  });

  it("of one schedule leaves the others alone, and has its time zone", async () => {
    const auckland = await schedule("nightly", undefined, "Pacific/Auckland");
    const ids = await backups([21, 20, 19]);
    const [first = "", second = ""] = await backups([21, 20], auckland);
    await place.world.ledger
      .sql`update holdfast.runs set created_at = '2026-11-20T23:00Z' where id = ${first}`;
    const { kept, deleted } = await prune({ scheduleId: auckland, retention: { keepDaily: 5 } });
    expect([idsOf(kept), idsOf(deleted)]).toEqual([[first], [second]]);
    expect(kept[0]?.reasons).toEqual(["daily 2026-11-21"]);
    expect(await listed()).toEqual(expect.arrayContaining(ids));
    await expect(prune({ scheduleId: randomUUID() })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("keeps what is pinned and what is being read, and says so", async () => {
    const [newest = "", read = "", pinned = "", gone = ""] = await backups([21, 20, 19, 18]);
    await pinBackup(place.deps, keeper, { id: pinned, pinned: true });
    const reading = await restore(read);
    const { kept, deleted } = await prune({});
    expect(kept.map(({ backup: { run }, reasons }) => [run.id, ...reasons])).toEqual([
      [newest, "last 1 of 1"],
      [read, `in use by restore ${reading.id}`],
      [pinned, "pinned"],
    ]);
    expect(idsOf(deleted)).toEqual([gone]);
  });

  it("leaves alone what its caller may not see whole", async () => {
    const mixed = await schedule("mixed");
    await backups([21, 20], mixed);
    await backups([19], mixed, ["USERS", "SPACES"]);
    await backups([21, 20], undefined, ["SPACES"]);
    expect(await prune({})).toEqual({ kept: [], deleted: [] });
    await expect(prune({ scheduleId: mixed })).rejects.toMatchObject({
      code: "FORBIDDEN",
      details: { missing: ["READ_SPACES"] },
    });
    await expect(prune({}, await place.callerWith("READ_ACLS"))).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  it("is refused with a policy that keeps nothing", async () => {
    const [id = ""] = await backups([21]);
    await expect(prune({ retention: { keepLast: 0 } })).rejects.toMatchObject({ code: "BAD_INPUT" });
    expect(await listed()).toEqual([id]);
  });

  it("by two servers at the same moment leaves what one would leave", async () => {
    const [newest] = await backups([21, 20, 19, 18]);
    const results = await Promise.all(
      [place.deps, other].map((deps) =>
        pruneBackups(deps, keeper, { retention: { keepLast: 1 }, dryRun: false }),
      ),
    );
    expect(results.flatMap(({ deleted }) => idsOf(deleted)).toSorted()).toHaveLength(3);
    expect(await listed()).toEqual([newest]);
  });

  it("by a schedule's own retention is done by Holdfast itself; without one nothing is pruned", async () => {
    const nightly = await schedule("nightly", { keepLast: 2 });
    const [first = "", second = "", third = ""] = await backups([21, 20, 19], nightly);
    const [byHand = ""] = await backups([1]);
    await applyRetention(place.deps, nightly);
    expect((await listed()).toSorted()).toEqual([first, second, byHand].toSorted());
    expect(await artifactOf(third)).toMatchObject({ deletedBy: null });
    expect(await audited("backup.deleted")).toMatchObject([{ actor: null, target: `backup:${third}` }]);
    const endless = await schedule("endless");
    await backups([21, 20], endless);
    await applyRetention(place.deps, endless);
    await deleteSchedule(place.deps, keeper, endless);
    await applyRetention(place.deps, endless);
    expect(await listed()).toHaveLength(5);
  });

  it("is settled later, once, where the process that was to apply it has died; a new policy is not for earlier backups", async () => {
    const nightly = await schedule("nightly", { keepLast: 1 });
    const settle = () => Promise.all([settleRetention(place.deps), settleRetention(other)]);
    await backups([21, 20], nightly);
    await settle();
    expect(await listed()).toHaveLength(1);
    const { sql } = place.world.ledger;
    const early = await backups([19, 18], nightly);
    await sql`update holdfast.runs set finished_at = now() - interval '1 day' where id = any(${early})`;
    await settle();
    expect(await listed(), "they ended before what was settled").toHaveLength(3);
    await backups([16], nightly);
    await sql`update holdfast.schedules set updated_at = now()`;
    await settle();
    expect(await listed(), "they ended before the policy").toHaveLength(4);
    await backups([17], nightly);
    await settle();
    expect(await listed()).toHaveLength(1);
    await settle();
    expect(await audited("backup.deleted")).toHaveLength(5);
  });
});
