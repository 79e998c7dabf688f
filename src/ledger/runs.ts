// Runs as their requesters see them: created, found, listed, cancelled. What workers do to them is in attempts.ts.
import {
  and,
  arrayContained,
  arrayContains,
  count,
  desc,
  eq,
  inArray,
  lt,
  not,
  sql,
  type SQL,
} from "drizzle-orm";
import { HoldfastError } from "../core/errors.ts";
import { isFinal, NO_PROGRESS, type RunKind, type RunStatus } from "../core/run.ts";
import { holdForReading } from "./artifact-uses.ts";
import type { Ledger } from "./connect.ts";
import { mayBeApplied } from "./lease.ts";
import {
  announcedRunColumns,
  hasRunId,
  isRunId,
  nextRevision,
  runColumns,
  toRun,
  type Run,
  type VerificationRun,
} from "./run-row.ts";
import type { BackupRequest, RestoreRequest, VerificationRequest } from "./run-request.ts";
import { artifacts, runs, type deliveries } from "./tables.ts";

/** How long an idempotency key answers with the run that it started. */
const IDEMPOTENCY_WINDOW = sql`interval '24 hours'`;

export type RunRequest =
  | { readonly kind: "BACKUP"; readonly request: BackupRequest }
  | { readonly kind: "RESTORE"; readonly request: RestoreRequest }
  | { readonly kind: "VERIFICATION"; readonly request: VerificationRequest };

export type NewRun = RunRequest & {
  /** A UUID, chosen beforehand where a secret has to be sealed with it. */
  readonly id: string;
  readonly entities: readonly string[];
  /** As `sealSecret` made it for this id. */
  readonly sealedSecret?: string | undefined;
  readonly requestedById: string | null;
  /** The account's name. */
  readonly requestedBy: string | null;
  /** Of the request that starts it. */
  readonly requestId?: string | undefined;
  /** Without `requestedById` it means nothing, for keys belong to callers. */
  readonly idempotencyKey?: string | undefined;
  /** The schedule that it is a run of. */
  readonly scheduleId?: string | undefined;
  /** The time of the schedule that it is for: there is one run for each. */
  readonly dueAt?: Date | undefined;
};

/**
 * Writes the row of a QUEUED run. The same idempotency key from the same caller for the same kind within a day answers
 * with the first run, whatever else is asked for and however many ask at once.
 * @param ledger with a transaction as its `db`
 * @returns the run, and whether this call made it: then its job is to be queued
 * @throws HoldfastError BACKUP_DELETED where it would read a backup that is
 */
export async function createRun(
  { db }: Pick<Ledger, "db">,
  run: NewRun,
): Promise<{ run: Run; created: boolean }> {
  const { requestedById } = run;
  const idempotencyKey = requestedById === null ? undefined : run.idempotencyKey;
  const sameKey =
    requestedById === null || idempotencyKey === undefined
      ? undefined
      : and(
          eq(runs.requestedById, requestedById),
          eq(runs.kind, run.kind),
          eq(runs.idempotencyKey, idempotencyKey),
        );
  if (sameKey !== undefined) {
    await db
      .update(runs)
      .set({ idempotencyKey: null })
      .where(and(sameKey, lt(runs.createdAt, sql`now() - ${IDEMPOTENCY_WINDOW}`)));
  }
  // A second insert with the same key waits here until the first has committed, and then does nothing.
  const [row] = await db
    .insert(runs)
    .values({
      id: run.id,
      kind: run.kind,
      entities: [...run.entities],
      request: run.request,
      progress: NO_PROGRESS,
      sealedSecret: run.sealedSecret ?? null,
      requestedById,
      requestedBy: run.requestedBy,
      requestId: run.requestId ?? null,
      idempotencyKey: idempotencyKey ?? null,
      scheduleId: run.scheduleId ?? null,
      dueAt: run.dueAt ?? null,
    })
    .onConflictDoNothing({
      target: [runs.requestedById, runs.kind, runs.idempotencyKey],
      where: sql`${runs.idempotencyKey} is not null`,
    })
    .returning(announcedRunColumns);
  if (row !== undefined) {
    if (run.kind !== "BACKUP") await holdForReading(db, run.request.backupId);
    return { run: toRun(row), created: true };
  }
  const [first] = await db.select(runColumns).from(runs).where(sameKey);
  if (first === undefined) throw new Error("the run of an idempotency key went away while it was looked up");
  return { run: toRun(first), created: false };
}

/** @returns undefined also for an id that is no UUID */
export async function findRun(ledger: Ledger, id: string): Promise<Run | undefined> {
  const [run] = await findRuns(ledger, [id]);
  return run;
}

/** In no order; ids that name nothing are left out. */
export async function findRuns(ledger: Ledger, ids: readonly string[]): Promise<Run[]> {
  if (ids.length === 0) return [];
  const rows = await ledger.db.select(runColumns).from(runs).where(hasRunId(ids));
  return rows.map(toRun);
}

/** The verifications of a backup, the newest first; at most 100. */
export async function findVerifications(ledger: Ledger, backupId: string): Promise<VerificationRun[]> {
  const rows = await ledger.db
    .select(runColumns)
    .from(runs)
    .where(and(eq(runs.kind, "VERIFICATION"), eq(sql`${runs.request} ->> 'backupId'`, backupId)))
    .orderBy(desc(runs.createdAt), desc(runs.id))
    .limit(100);
  return rows.map(toRun).filter((run) => run.kind === "VERIFICATION");
}

/** Where a page of a list starts: after the run that was made then and has that id. */
export interface RunPosition {
  readonly createdAt: Date;
  readonly id: string;
}

export interface RunQuery {
  readonly kind?: RunKind | undefined;
  readonly status?: RunStatus | undefined;
  readonly entity?: string | undefined;
  /** Exactly this label. */
  readonly label?: string | undefined;
  readonly scheduleId?: string | undefined;
  /** Of backups: whether those that are deleted are meant, or all others; left out: both. */
  readonly deleted?: boolean | undefined;
  /** The entities that the caller may read: runs that hold any other are neither listed nor counted. */
  readonly readable: readonly string[];
  readonly after?: RunPosition | undefined;
  /** The page's size. */
  readonly first: number;
}

export interface RunPage {
  /** The newest first. */
  readonly runs: Run[];
  readonly hasNextPage: boolean;
  /** Over all pages. */
  readonly totalCount: number;
}

/** One page of the runs that match, and how many match in all. */
export async function listRuns(ledger: Ledger, query: RunQuery): Promise<RunPage> {
  const matches = and(
    arrayContained(runs.entities, textArray(query.readable)),
    query.kind === undefined ? undefined : eq(runs.kind, query.kind),
    query.status === undefined ? undefined : eq(runs.status, query.status),
    query.entity === undefined ? undefined : arrayContains(runs.entities, textArray([query.entity])),
    query.label === undefined ? undefined : eq(sql`${runs.request} ->> 'label'`, query.label),
    query.scheduleId === undefined ? undefined : ofSchedule(query.scheduleId),
    query.deleted === undefined ? undefined : query.deleted ? IS_DELETED : not(IS_DELETED),
  );
  const page = ledger.db
    .select(runColumns)
    .from(runs)
    .where(and(matches, query.after === undefined ? undefined : olderThan(runs, query.after)))
    .orderBy(desc(runs.createdAt), desc(runs.id))
    .limit(query.first + 1);
  const total = ledger.db.select({ count: count() }).from(runs).where(matches);
  const [rows, [counted]] = await Promise.all([page, total]);
  return {
    runs: rows.slice(0, query.first).map(toRun),
    hasNextPage: rows.length > query.first,
    totalCount: counted?.count ?? 0,
  };
}

const IS_DELETED = sql`exists (select from ${artifacts}
  where ${artifacts.runId} = ${runs.id} and ${artifacts.deletionRequestedAt} is not null)`;

function ofSchedule(id: string): SQL {
  return isRunId(id) ? eq(runs.scheduleId, id) : sql`false`;
}

export function olderThan(rows: typeof runs | typeof deliveries, { createdAt, id }: RunPosition): SQL {
  return sql`(${rows.createdAt}, ${rows.id}) < (${createdAt.toISOString()}::timestamptz, ${id}::uuid)`;
}

/** Spelled out, because drizzle refuses an empty list, and an empty list is what a caller without permissions has. */
export function textArray(values: readonly string[]): SQL {
  return sql`array[${sql.join(
    values.map((value) => sql`${value}`),
    sql`, `,
  )}]::text[]`;
}

/**
 * Asks for a run to stop. One that waits is CANCELLED at once; one that runs, or that may have been applied, is marked, and a
 * worker ends it.
 * @returns the run as it is then
 * @throws HoldfastError NOT_FOUND, or ALREADY_FINISHED for a run in a final state
 */
export async function requestCancel(ledger: Ledger, id: string): Promise<Run> {
  const waits = sql`(${runs.status} = 'QUEUED' and not ${mayBeApplied})`;
  const [row] = isRunId(id)
    ? await ledger.db
        .update(runs)
        .set({
          cancelRequestedAt: sql`coalesce(${runs.cancelRequestedAt}, now())`,
          status: sql`case when ${waits} then 'CANCELLED' else ${runs.status} end`,
          finishedAt: sql`case when ${waits} then now() end`,
          sealedSecret: sql`case when ${waits} then null else ${runs.sealedSecret} end`,
          revision: nextRevision,
        })
        .where(and(eq(runs.id, id), inArray(runs.status, ["QUEUED", "RUNNING"])))
        .returning(announcedRunColumns)
    : [];
  if (row !== undefined) return toRun(row);
  const run = await findRun(ledger, id);
  if (run === undefined) throw new HoldfastError("NOT_FOUND", `There is no run ${id}.`);
  if (!isFinal(run.status)) return requestCancel(ledger, id);
  throw new HoldfastError("ALREADY_FINISHED", `The run has already ${run.status}.`);
}
