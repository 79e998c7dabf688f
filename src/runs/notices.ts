// Decides whom to tell what: of runs as they end, and of schedules that bring nothing.
import { dueTimesOf } from "./due.ts";
import type { Logger } from "pino";
import type { Notice, NoticeRun } from "../core/notice.ts";
import type { NotifyDeclaration, NotifyEvent } from "../core/notify-declaration.ts";
import { overdueSince } from "../core/overdue.ts";
import { findUnusual, type Unusual } from "../core/unusual.ts";
import type { Ledger } from "../ledger/connect.ts";
import { insertDeliveries } from "../ledger/deliveries.ts";
import {
  endAlarm,
  measureEarlier,
  noteConsidered,
  raiseAlarm,
  takeEndedRuns,
  type EndedRun,
} from "../ledger/notices.ts";
import type { BackupRun, Run } from "../ledger/run-row.ts";
import { findLatestGoodBackup, listEnabledSchedules, type Schedule } from "../ledger/schedules.ts";
import type { DeliveryQueue } from "../queue/deliveries.ts";

export interface NoticeDeps {
  readonly ledger: Ledger;
  readonly deliveries: DeliveryQueue;
  readonly notify: readonly NotifyDeclaration[];
  readonly log: Logger;
}

type Transaction = Ledger["db"];

const TAKEN_AT_ONCE = 50;
/** What is older was not told of while it mattered: Holdfast was down, or nobody was to be told. */
const NEWS_MS = 24 * 60 * 60 * 1000;
const COMPARED_BACKUPS = 10;

/** Considers the runs that have ended since anybody last did. Any number of processes may do so at once. */
export async function considerEndedRuns(deps: NoticeDeps, now: Date): Promise<void> {
  for (;;) {
    const taken = await tell(deps, async (tx) => {
      const ended = await takeEndedRuns(tx, TAKEN_AT_ONCE);
      await noteConsidered(
        tx,
        ended.map(({ run }) => run.id),
      );
      const notices: Notice[] = [];
      for (const one of ended) {
        const news = await noticesOf(tx, one);
        if (now.getTime() - (one.run.finishedAt?.getTime() ?? 0) < NEWS_MS) notices.push(...news);
      }
      return { notices, result: ended.length };
    });
    if (taken < TAKEN_AT_ONCE) break;
  }
}

/** Considers whether schedules have brought what they should. As `considerEndedRuns`. */
export async function considerSchedules(deps: NoticeDeps, now: Date): Promise<void> {
  for (const schedule of await listEnabledSchedules(deps.ledger.db))
    await considerSchedule(deps, schedule, now);
}

/** Writes what is to be delivered in the transaction that decides it, and queues it after. */
async function tell<T>(
  { ledger, deliveries, notify, log }: NoticeDeps,
  decide: (tx: Transaction) => Promise<{ readonly notices: readonly Notice[]; readonly result: T }>,
): Promise<T> {
  const { ids, result } = await ledger.db.transaction(async (tx) => {
    const { notices, result } = await decide(tx);
    const ids: string[] = [];
    for (const notice of notices) {
      const targets = notify
        .filter(({ on }) => on.some((event) => event === notice.event))
        .map(({ name }) => name);
      ids.push(...(await insertDeliveries(tx, notice, targets)));
      const level = notice.event === "recovered" ? "info" : "warn";
      log[level](
        { event: notice.event, schedule: notice.schedule?.name, runId: notice.run?.id },
        notice.title,
      );
    }
    return { ids, result };
  });
  for (const id of ids) {
    await deliveries.enqueue(id).catch((error: unknown) => {
      log.warn({ err: error, delivery: id }, "a delivery could not be queued yet");
    });
  }
  return result;
}

async function noticesOf(tx: Transaction, ended: EndedRun): Promise<Notice[]> {
  const { run } = ended;
  if (run.kind === "BACKUP") return backupNotices(tx, run, ended);
  if (run.kind === "VERIFICATION") return verificationNotices(tx, run, ended);
  if (run.status !== "FAILED" || run.request.dryRun) return [];
  return [noticeOf("failed", ended, "A restore failed", "Nothing was changed, unless the error says so.")];
}

async function backupNotices(tx: Transaction, run: BackupRun, ended: EndedRun): Promise<Notice[]> {
  const { schedule, artifact } = ended;
  const subject = schedule === null ? undefined : `schedule:${schedule.id}`;
  const ofSchedule = schedule === null ? "" : ` of the schedule ${schedule.name}`;
  if (run.status === "FAILED") {
    if (subject !== undefined) await raiseAlarm(tx, "failed", subject);
    return [noticeOf("failed", ended, `A backup${ofSchedule} failed`, "No new backup was made.")];
  }
  if (artifact?.origin !== "MADE") return [];
  const notices: Notice[] = [];
  if (subject !== undefined) {
    const hadFailed = await endAlarm(tx, "failed", subject);
    const wasOverdue = await endAlarm(tx, "overdue", subject);
    if (hadFailed || wasOverdue)
      notices.push(
        noticeOf("recovered", ended, `Backups${ofSchedule} work again`, "A good backup was made."),
      );
  }
  for (const { store, code, message } of artifact.failedStores) {
    if (await raiseAlarm(tx, "store-failed", `store:${store}`)) {
      const text = `The backup is not in it, but in ${artifact.stores.join(", ")}. ${code}: ${message}`;
      notices.push({ ...noticeOf("store-failed", ended, `The store ${store} took no backup`, text), store });
    }
  }
  for (const store of artifact.stores) {
    if (await endAlarm(tx, "store-failed", `store:${store}`))
      notices.push({ ...noticeOf("recovered", ended, `The store ${store} takes backups again`, ""), store });
  }
  const unusual = await findUnusualOf(tx, run, artifact.sizeBytes);
  if (unusual.length > 0)
    notices.push(
      noticeOf("unusual", ended, `A backup${ofSchedule} is unusual`, unusual.map(describeUnusual).join("\n")),
    );
  return notices;
}

async function findUnusualOf(tx: Transaction, run: BackupRun, sizeBytes: number): Promise<Unusual[]> {
  const durationMs = (run.finishedAt?.getTime() ?? 0) - (run.startedAt?.getTime() ?? 0);
  return findUnusual({ sizeBytes, durationMs }, await measureEarlier(tx, run, COMPARED_BACKUPS));
}

function describeUnusual({ what, found, usual }: Unusual): string {
  if (what === "size") return `It has ${Math.round(found)} bytes; usual are ${Math.round(usual)}.`;
  return `It took ${Math.round(found / 1000)} s; usual are ${Math.round(usual / 1000)} s.`;
}

async function verificationNotices(
  tx: Transaction,
  run: Extract<Run, { kind: "VERIFICATION" }>,
  ended: EndedRun,
): Promise<Notice[]> {
  const { level, backupId } = run.request;
  const what = level === "DRILL" ? "A drill" : `A verification (${level})`;
  const subject = `${ended.schedule === null ? `backup:${backupId}` : `schedule:${ended.schedule.id}`}:${level}`;
  if (run.status === "FAILED") {
    await raiseAlarm(tx, "drill-failed", subject);
    const text = `The backup ${backupId} may not be what it should be. Make another one, and find out why.`;
    return [noticeOf("drill-failed", ended, `${what} failed`, text)];
  }
  if (run.status !== "SUCCEEDED" || !(await endAlarm(tx, "drill-failed", subject))) return [];
  return [noticeOf("recovered", ended, `${what} succeeded again`, `The backup ${backupId} is sound.`)];
}

/** An overdue schedule is told of once, until it has a good backup again, or is changed and overdue by its new terms. */
async function considerSchedule(deps: NoticeDeps, schedule: Schedule, now: Date): Promise<void> {
  const times = dueTimesOf(schedule, "BACKUP");
  if (times === undefined) return;
  const latest = await findLatestGoodBackup(deps.ledger.db, schedule.id);
  // Changed times do not make a schedule late.
  const since = [schedule.updatedAt, latest?.createdAt ?? schedule.createdAt].reduce((a, b) =>
    a > b ? a : b,
  );
  const due = overdueSince(times, since, now);
  if (due === undefined) return;
  await tell(deps, async (tx) => {
    if (!(await raiseAlarm(tx, "overdue", `schedule:${schedule.id}`, schedule.updatedAt)))
      return { notices: [], result: undefined };
    const notice: Notice = {
      event: "overdue",
      at: now.toISOString(),
      title: `The schedule ${schedule.name} is overdue`,
      text:
        `There is no good backup since ${due.toISOString()}, when one was due. ` +
        (latest === undefined
          ? "There has not been any."
          : `The last is of ${latest.createdAt.toISOString()}.`),
      schedule: { id: schedule.id, name: schedule.name },
      run: null,
      store: null,
    };
    return { notices: [notice], result: undefined };
  });
}

function noticeOf(event: NotifyEvent, { run, schedule }: EndedRun, title: string, text: string): Notice {
  return {
    event,
    at: (run.finishedAt ?? new Date()).toISOString(),
    title,
    text,
    schedule: schedule && { id: schedule.id, name: schedule.name },
    run: describeRun(run),
    store: null,
  };
}

function describeRun({ id, kind, status, errorCode, errorMessage, errorHint }: Run): NoticeRun {
  const error = errorCode === null ? null : { code: errorCode, message: errorMessage ?? "", hint: errorHint };
  return { id, kind, status, error };
}
