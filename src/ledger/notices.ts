// Of which ended runs it was decided whom to tell, and what is wrong at the moment. What is on its way is in deliveries.ts.
import { and, asc, desc, eq, isNotNull, isNull, lt, sql } from "drizzle-orm";
import type { BackupMeasure } from "../core/unusual.ts";
import type { NotifyEvent } from "../core/notify-declaration.ts";
import type { Artifact } from "./artifacts.ts";
import type { Ledger } from "./connect.ts";
import { hasRunId, runColumns, toRun, type BackupRun, type Run } from "./run-row.ts";
import { alarms, artifacts, runs, schedules } from "./tables.ts";
import type { Schedule } from "./schedules.ts";

type Transaction = Pick<Ledger["db"], "select" | "insert" | "update" | "delete">;

export interface EndedRun {
  readonly run: Run;
  /** Of a backup that has SUCCEEDED. */
  readonly artifact: Artifact | null;
  readonly schedule: Schedule | null;
}

/** Ended runs that nobody has considered, the first that ended first; no other process gets them until the transaction ends. */
export async function takeEndedRuns(tx: Transaction, limit: number): Promise<EndedRun[]> {
  const taken = await tx
    .select({ id: runs.id })
    .from(runs)
    .where(and(isNotNull(runs.finishedAt), isNull(runs.consideredAt)))
    .orderBy(asc(runs.finishedAt), asc(runs.id))
    .limit(limit)
    .for("update", { skipLocked: true });
  const rows = await tx
    .select({ run: runColumns, artifact: artifacts, schedule: schedules })
    .from(runs)
    .leftJoin(artifacts, eq(artifacts.runId, runs.id))
    .leftJoin(schedules, eq(schedules.id, runs.scheduleId))
    .where(hasRunId(taken.map(({ id }) => id)))
    .orderBy(asc(runs.finishedAt), asc(runs.id));
  return rows.map(({ run, artifact, schedule }) => ({ run: toRun(run), artifact, schedule }));
}

export async function noteConsidered(tx: Transaction, runIds: readonly string[]): Promise<void> {
  await tx
    .update(runs)
    .set({ consideredAt: sql`now()` })
    .where(hasRunId(runIds));
}

/**
 * @param since one that was raised before is of another time, and counts no more
 * @returns whether it was not raised already
 */
export async function raiseAlarm(
  tx: Transaction,
  event: NotifyEvent,
  subject: string,
  since: Date = new Date(0),
): Promise<boolean> {
  const raised = await tx
    .insert(alarms)
    .values({ event, subject })
    .onConflictDoUpdate({
      target: [alarms.event, alarms.subject],
      set: { raisedAt: sql`now()` },
      setWhere: lt(alarms.raisedAt, since),
    })
    .returning();
  return raised.length > 0;
}

/** @returns whether it was raised */
export async function endAlarm(tx: Transaction, event: NotifyEvent, subject: string): Promise<boolean> {
  const ended = await tx
    .delete(alarms)
    .where(and(eq(alarms.event, event), eq(alarms.subject, subject)))
    .returning();
  return ended.length > 0;
}

/** The good backups of the same schedule before this one, at most so many. */
export async function measureEarlier(
  tx: Transaction,
  { scheduleId, createdAt }: BackupRun,
  limit: number,
): Promise<BackupMeasure[]> {
  if (scheduleId === null) return [];
  const durationMs = sql<number>`(extract(epoch from ${runs.finishedAt} - ${runs.startedAt}) * 1000)::float8`;
  return tx
    .select({ sizeBytes: artifacts.sizeBytes, durationMs })
    .from(runs)
    .innerJoin(artifacts, eq(artifacts.runId, runs.id))
    .where(and(eq(runs.scheduleId, scheduleId), lt(runs.createdAt, createdAt)))
    .orderBy(desc(runs.createdAt))
    .limit(limit);
}
