// Schedules as the ledger keeps them: what is backed up when, and up to when that is settled.
import { and, asc, desc, eq, exists, gt, isNotNull, isNull, sql, type SQL } from "drizzle-orm";
import type { Artifact } from "./artifacts.ts";
import type { Ledger } from "./connect.ts";
import { isRunId, runColumns, toRun, type BackupRun, type Run } from "./run-row.ts";
import { alarms, artifacts, runs, schedules } from "./tables.ts";

export type Schedule = typeof schedules.$inferSelect;
/** What is said of a schedule by whoever makes or changes it. */
export type ScheduleTerms = Omit<
  typeof schedules.$inferInsert,
  "id" | "createdBy" | "createdAt" | "updatedAt" | "settledUntil" | "drillsSettledUntil" | "retainedUntil"
>;
/** What a schedule starts by itself. */
export type DueKind = "BACKUP" | "VERIFICATION";

type Database = Pick<Ledger["db"], "select" | "insert" | "update" | "delete">;

/** @returns undefined where the name is taken */
export async function insertSchedule(
  db: Database,
  terms: ScheduleTerms,
  createdBy: string,
): Promise<Schedule | undefined> {
  const [row] = await db
    .insert(schedules)
    .values({ ...terms, createdBy })
    .onConflictDoNothing({ target: schedules.name })
    .returning();
  return row;
}

/**
 * In the transaction that has locked it. What was due before is settled where its times have changed, or where it was not
 * enabled: a change starts nothing for the past.
 */
export async function replaceSchedule(
  db: Database,
  before: Schedule,
  terms: ScheduleTerms,
): Promise<Schedule> {
  const moved = before.timeZone !== terms.timeZone || !before.enabled;
  const now = sql`now()`;
  const [row] = await db
    .update(schedules)
    .set({
      ...terms,
      updatedAt: now,
      ...((moved || before.cron !== terms.cron) && { settledUntil: now }),
      ...((moved || before.drillCron !== terms.drillCron) && { drillsSettledUntil: now }),
    })
    .where(eq(schedules.id, before.id))
    .returning();
  if (row === undefined) throw new Error("a row that was locked is gone");
  return row;
}

/** Its runs stay, and are no schedule's from then on. What was wrong with it matters no more. */
export async function removeSchedule(db: Database, id: string): Promise<void> {
  await db.delete(alarms).where(sql`starts_with(${alarms.subject}, ${`schedule:${id}`})`);
  await db.delete(schedules).where(eq(schedules.id, id));
}

/** @returns undefined also for an id that is no UUID */
export async function findSchedule(db: Database, id: string): Promise<Schedule | undefined> {
  const [row] = isRunId(id) ? await db.select().from(schedules).where(eq(schedules.id, id)) : [];
  return row;
}

/** By name. */
export async function listSchedules(db: Database): Promise<Schedule[]> {
  return db.select().from(schedules).orderBy(asc(schedules.name));
}

/** As `findSchedule`; nobody else changes it or starts a run of it until the transaction ends. */
export async function lockSchedule(tx: Database, id: string): Promise<Schedule | undefined> {
  const [row] = isRunId(id)
    ? await tx.select().from(schedules).where(eq(schedules.id, id)).for("update")
    : [];
  return row;
}

/** Notes that nothing is to be started any more for the times up to this one. */
export async function settleSchedule(tx: Database, id: string, kind: DueKind, until: Date): Promise<void> {
  await tx
    .update(schedules)
    .set(kind === "BACKUP" ? { settledUntil: until } : { drillsSettledUntil: until })
    .where(eq(schedules.id, id));
}

/** The schedule's run of that kind that has not ended, if there is one. */
export async function findUnfinishedRun(
  tx: Database,
  scheduleId: string,
  kind: DueKind,
): Promise<Run | undefined> {
  const [row] = await tx
    .select(runColumns)
    .from(runs)
    .where(and(eq(runs.scheduleId, scheduleId), eq(runs.kind, kind), isNull(runs.finishedAt)))
    .limit(1);
  return row && toRun(row);
}

/** The schedule's run of that kind that was started last, whatever has become of it. */
export async function findLatestRun(
  db: Database,
  scheduleId: string,
  kind: DueKind,
): Promise<Run | undefined> {
  const [row] = await db
    .select(runColumns)
    .from(runs)
    .where(and(eq(runs.scheduleId, scheduleId), eq(runs.kind, kind)))
    .orderBy(desc(runs.createdAt), desc(runs.id))
    .limit(1);
  return row && toRun(row);
}

/** The newest backup of a schedule that can be restored; undefined: none. */
export async function findLatestGoodBackup(db: Database, scheduleId: string): Promise<BackupRun | undefined> {
  const [row] = await db
    .select(runColumns)
    .from(runs)
    .innerJoin(artifacts, eq(artifacts.runId, runs.id))
    .where(and(eq(runs.scheduleId, scheduleId), isNull(artifacts.deletionRequestedAt)))
    .orderBy(desc(runs.createdAt), desc(runs.id))
    .limit(1);
  const run = row && toRun(row);
  return run?.kind === "BACKUP" ? run : undefined;
}

/** Schedules that start something by themselves. */
export async function listEnabledSchedules(db: Database): Promise<Schedule[]> {
  return db.select().from(schedules).where(eq(schedules.enabled, true)).orderBy(asc(schedules.id));
}

/**
 * Notes that retention is applied after every backup that has ended by now: in the transaction that applies it, first of all.
 * A backup that ends later is seen by `listUnretained`.
 */
export async function noteRetained(tx: Database, scheduleId: string): Promise<void> {
  const latest = tx
    .select({ at: sql`max(${runs.finishedAt})` })
    .from(runs)
    .where(isGoodBackupOf(scheduleId));
  await tx
    .update(schedules)
    .set({ retainedUntil: sql`${latest}` })
    .where(eq(schedules.id, scheduleId));
}

/** Schedules with a policy that was not applied after the last of their backups; a policy is not for backups before it. */
export async function listUnretained(db: Database): Promise<string[]> {
  const since = sql`greatest(${schedules.retainedUntil}, ${schedules.updatedAt})`;
  const rows = await db
    .select({ id: schedules.id })
    .from(schedules)
    .where(
      and(
        isNotNull(schedules.retention),
        exists(
          db
            .select({ id: runs.id })
            .from(runs)
            .where(and(isGoodBackupOf(schedules.id), gt(runs.finishedAt, since))),
        ),
      ),
    )
    .orderBy(asc(schedules.id));
  return rows.map(({ id }) => id);
}

function isGoodBackupOf(scheduleId: string | typeof schedules.id): SQL | undefined {
  return and(eq(runs.scheduleId, scheduleId), eq(runs.kind, "BACKUP"), eq(runs.status, "SUCCEEDED"));
}

/** Backups that have an artifact which is not deleted: those of a schedule, or all. In no order. */
export async function listKeptBackups(
  db: Database,
  scheduleId?: string,
): Promise<{ readonly run: BackupRun; readonly artifact: Artifact }[]> {
  const rows = await db
    .select({ run: runColumns, artifact: artifacts })
    .from(runs)
    .innerJoin(artifacts, eq(artifacts.runId, runs.id))
    .where(
      and(
        isNull(artifacts.deletionRequestedAt),
        scheduleId === undefined ? undefined : eq(runs.scheduleId, scheduleId),
      ),
    );
  return rows.flatMap(({ run: row, artifact }) => {
    const run = toRun(row);
    return run.kind === "BACKUP" ? [{ run, artifact }] : [];
  });
}
