// What monitoring asks of the ledger. What has ended never changes any more, so it is added up once and kept: what a look
// costs does not grow with the history.
import { sql, type SQL } from "drizzle-orm";
import type { RunStatus, VerificationLevel } from "../core/run.ts";
import type { Ledger } from "./connect.ts";
import { alarms, artifacts, deliveries, runs, schedules } from "./tables.ts";

/** A preview is a restore that was a dry run. */
export const MEASURED_KINDS = ["backup", "restore", "preview", "verification"] as const;
export type MeasuredKind = (typeof MEASURED_KINDS)[number];

/** How many values there were, their sum, and how many were at most each of the bounds that were asked for. */
export interface Distribution {
  readonly count: number;
  readonly sum: number;
  readonly atMost: readonly number[];
}

/** The runs of this Holdfast that have ended; backups that were imported or found in a store are none of them. */
export interface EndedRuns {
  readonly kind: MeasuredKind;
  readonly status: RunStatus;
  /** Of verifications: the level that they have gone to. */
  readonly level: VerificationLevel | null;
  readonly count: number;
  /** From being taken up to the end, in seconds; of those that were taken up. */
  readonly seconds: Distribution;
  /** What backups have made, also where it is deleted by now: bytes as stored. */
  readonly sizes: Distribution;
  readonly rows: number;
  /** COPY text before compression. */
  readonly rawBytes: number;
  /** Rows that restores have written. */
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
}

export interface Bounds {
  readonly seconds: readonly number[];
  readonly sizeBytes: readonly number[];
}

/** Whoever has written a final state has committed it by then. */
const SETTLED_AFTER = sql`interval '15 minutes'`;

/**
 * Adds up the runs that have ended. The first call reads all of them, each further one those of the last quarter of an hour.
 * Calls must not overlap.
 */
export function createEndedRunsReader({ db }: Ledger, bounds: Bounds): () => Promise<EndedRuns[]> {
  let settled: readonly EndedRuns[] = [];
  let settledUntil = "-infinity";
  return async () => {
    const found: (EndedRuns & { settled: boolean; cut: string })[] = [
      ...(await db.execute<Record<string, unknown> & EndedRuns & { settled: boolean; cut: string }>(
        endedAfter(settledUntil, bounds),
      )),
    ];
    const recent = found.filter((group) => !group.settled);
    const settling = found.filter((group) => group.settled);
    settled = addUp([...settled, ...settling]);
    settledUntil = settling[0]?.cut ?? settledUntil;
    return addUp([...settled, ...recent]);
  };
}

const KIND = sql`(case when ${runs.kind} = 'RESTORE' and (${runs.request} ->> 'dryRun')::bool then 'preview'
  else lower(${runs.kind}::text) end)`;
const LEVEL = sql`(case when ${runs.kind} = 'VERIFICATION'
  then coalesce(${runs.outcome} ->> 'level', ${runs.request} ->> 'level') end)`;

function endedAfter(since: string, bounds: Bounds): SQL {
  return sql`
    with cut as (select date_trunc('milliseconds', now() - ${SETTLED_AFTER}) as at),
    ended as (
      select ${KIND} as kind, ${runs.status} as status, ${LEVEL} as level, ${runs.finishedAt} <= cut.at as settled,
        cut.at as cut, extract(epoch from ${runs.finishedAt} - ${runs.startedAt})::float8 as seconds,
        ${artifacts.sizeBytes} as size, ${artifacts.rawBytes} as raw, ${artifacts.rows} as rows, changes.*
      from cut, ${runs}
        left join ${artifacts} on ${artifacts.runId} = ${runs.id}
        left join lateral (
          select sum((change ->> 'inserted')::int8) as inserted, sum((change ->> 'updated')::int8) as updated,
            sum((change ->> 'deleted')::int8) as deleted
          from jsonb_array_elements(${runs.outcome} -> 'changes') as change
        ) as changes on ${KIND} = 'restore' and ${runs.status} = 'SUCCEEDED'
      where ${runs.finishedAt} > ${since}::timestamptz and (${runs.startedAt} is not null or ${runs.status} <> 'SUCCEEDED')
    )
    select kind, status, level, settled, cut::text as cut, count(*)::float8 as count,
      ${distributionOf(sql`seconds`, bounds.seconds)} as seconds, ${distributionOf(sql`size`, bounds.sizeBytes)} as sizes,
      ${totalOf(sql`rows`)} as rows, ${totalOf(sql`raw`)} as "rawBytes", ${totalOf(sql`inserted`)} as inserted,
      ${totalOf(sql`updated`)} as updated, ${totalOf(sql`deleted`)} as deleted
    from ended group by kind, status, level, settled, cut`;
}

function distributionOf(value: SQL, bounds: readonly number[]): SQL {
  const atMost = sql.join(
    bounds.map((bound) => sql`count(*) filter (where ${value} <= ${sql.raw(String(bound))})`),
    sql`, `,
  );
  return sql`json_build_object('count', count(${value}), 'sum', ${totalOf(value)}, 'atMost', json_build_array(${atMost}))`;
}

const totalOf = (value: SQL): SQL => sql`coalesce(sum(${value}), 0)::float8`;

/** One group for each kind, status and level. */
function addUp(groups: readonly EndedRuns[]): EndedRuns[] {
  const byKey = Map.groupBy(groups, ({ kind, status, level }) => `${kind} ${status} ${level}`);
  return [...byKey.values()].map((alike) => alike.reduce(add));
}

function add(a: EndedRuns, b: EndedRuns): EndedRuns {
  const { kind, status, level } = a;
  return {
    ...{ kind, status, level, count: a.count + b.count, rows: a.rows + b.rows },
    ...{
      seconds: merge(a.seconds, b.seconds),
      sizes: merge(a.sizes, b.sizes),
      rawBytes: a.rawBytes + b.rawBytes,
    },
    ...{ inserted: a.inserted + b.inserted, updated: a.updated + b.updated, deleted: a.deleted + b.deleted },
  };
}

function merge(a: Distribution, b: Distribution): Distribution {
  const atMost = a.atMost.map((count, place) => count + (b.atMost[place] ?? 0));
  return { count: a.count + b.count, sum: a.sum + b.sum, atMost };
}

/** Runs that wait or are worked on. */
export interface UnfinishedRuns {
  readonly kind: MeasuredKind;
  readonly status: "QUEUED" | "RUNNING";
  readonly count: number;
  /** Since the one that has waited longest was asked for. */
  readonly oldestSeconds: number;
}

export async function countUnfinishedRuns({ db }: Ledger): Promise<UnfinishedRuns[]> {
  const rows = await db.execute<Record<string, unknown> & UnfinishedRuns>(sql`
    select ${KIND} as kind, ${runs.status} as status, count(*)::float8 as count,
      extract(epoch from now() - min(${runs.createdAt}))::float8 as "oldestSeconds"
    from ${runs} where ${runs.finishedAt} is null group by 1, 2`);
  return [...rows];
}

/** How an enabled schedule fares. */
export interface ScheduleHealth {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  /** When its newest backup that can be restored was asked for; null: there is none. */
  readonly goodAt: Date | null;
  /** Its newest drill that has come to an end; null: there is none. */
  readonly drill: {
    readonly at: Date;
    readonly succeeded: boolean;
    /** The level that it has gone to. */
    readonly level: VerificationLevel;
  } | null;
}

/** Of every enabled schedule, by name. */
export async function readScheduleHealth({ db }: Ledger): Promise<ScheduleHealth[]> {
  // What is executed as it stands is not given drizzle's types.
  const ms = (at: SQL): SQL => sql`(extract(epoch from ${at}) * 1000)::float8`;
  const rows = await db.execute<{
    name: string;
    cron: string;
    timeZone: string;
    createdMs: number;
    updatedMs: number;
    goodMs: number | null;
    drillMs: number | null;
    drillStatus: RunStatus | null;
    drillLevel: VerificationLevel | null;
  }>(sql`
    select ${schedules.name} as name, ${schedules.cron} as cron, ${schedules.timeZone} as "timeZone",
      ${ms(sql`${schedules.createdAt}`)} as "createdMs", ${ms(sql`${schedules.updatedAt}`)} as "updatedMs",
      ${ms(sql`good.at`)} as "goodMs", ${ms(sql`drill.at`)} as "drillMs", drill.status as "drillStatus",
      drill.level as "drillLevel"
    from ${schedules}
      left join lateral (
        select ${runs.createdAt} as at from ${runs} join ${artifacts} on ${artifacts.runId} = ${runs.id}
        where ${runs.scheduleId} = ${schedules.id} and ${artifacts.deletionRequestedAt} is null
        order by ${runs.createdAt} desc limit 1
      ) as good on true
      left join lateral (
        select ${runs.finishedAt} as at, ${runs.status} as status, ${LEVEL} as level from ${runs}
        where ${runs.scheduleId} = ${schedules.id} and ${runs.kind} = 'VERIFICATION' and ${runs.status} in ('SUCCEEDED', 'FAILED')
        order by ${runs.createdAt} desc limit 1
      ) as drill on true
    where ${schedules.enabled} order by ${schedules.name}`);
  return rows.map(
    ({ name, cron, timeZone, createdMs, updatedMs, goodMs, drillMs, drillStatus, drillLevel }) => ({
      ...{ name, cron, timeZone },
      createdAt: new Date(createdMs),
      updatedAt: new Date(updatedMs),
      goodAt: goodMs === null ? null : new Date(goodMs),
      drill:
        drillMs === null || drillLevel === null
          ? null
          : { at: new Date(drillMs), succeeded: drillStatus === "SUCCEEDED", level: drillLevel },
    }),
  );
}

/** What is wrong at the moment, as it was told. */
export interface AlarmCount {
  readonly event: string;
  readonly count: number;
}

export async function countAlarms({ db }: Ledger): Promise<AlarmCount[]> {
  const rows = await db.execute<Record<string, unknown> & AlarmCount>(sql`
    select ${alarms.event} as event, count(*)::float8 as count from ${alarms} group by 1`);
  return [...rows];
}

/** Notices that are still to be delivered. */
export async function countPendingDeliveries({ db }: Ledger): Promise<number> {
  const [row] = await db.execute<{ count: number }>(sql`
    select count(*)::float8 as count from ${deliveries} where ${deliveries.status} = 'PENDING'`);
  return row?.count ?? 0;
}
