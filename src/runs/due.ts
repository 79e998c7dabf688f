// What schedules start by themselves: from a tick of the queue, or from a look at what was missed.
import { recordAudit } from "../auth/audit.ts";
import { latestDue, nextDue, type DueTimes } from "../core/cron.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { Ledger } from "../ledger/connect.ts";
import type { Run } from "../ledger/run-row.ts";
import {
  findLatestGoodBackup,
  findUnfinishedRun,
  listEnabledSchedules,
  lockSchedule,
  settleSchedule,
  type DueKind,
  type Schedule,
} from "../ledger/schedules.ts";
import type { Tick, TimedTick } from "../queue/ticks.ts";
import type { RunDeps } from "./deps.ts";
import { scheduledBackup } from "./scheduled-backup.ts";
import { unattendedDrill } from "./start-verification.ts";
import { carryRun, recordRun, type Submission } from "./submit.ts";

export type DueDeps = Pick<RunDeps, "ledger" | "queue" | "catalog" | "log">;

const KINDS: readonly DueKind[] = ["BACKUP", "VERIFICATION"];

/** A tick that has not started what was due so long ago is taken to be lost. */
const GRACE_MS = 10_000;

/** When the schedule starts something of that kind; undefined: never by itself. */
export function dueTimesOf(
  { cron, drillCron, timeZone, enabled }: Schedule,
  kind: DueKind,
): DueTimes | undefined {
  if (!enabled) return undefined;
  if (kind === "BACKUP") return { cron, timeZone };
  return drillCron === null ? undefined : { cron: drillCron, timeZone };
}

/** The next time after a moment; undefined for a schedule that does not start anything of that kind. */
export function nextRunOf(schedule: Schedule, kind: DueKind, now: Date): Date | undefined {
  const times = dueTimesOf(schedule, kind);
  return times && nextDue(times, now);
}

/** Makes the queue's clock bring the ticks that the ledger's schedules ask for. */
export async function arrangeTicks({ ledger, queue }: Pick<DueDeps, "ledger" | "queue">): Promise<void> {
  await queue.ticks.arrange(async () => (await listEnabledSchedules(ledger.db)).flatMap(timedTicks));
}

function timedTicks(schedule: Schedule): TimedTick[] {
  return KINDS.flatMap((kind) => {
    const times = dueTimesOf(schedule, kind);
    return times === undefined ? [] : [{ scheduleId: schedule.id, kind, times }];
  });
}

/**
 * Starts what is due of a schedule by now: one run, however many times have passed since the last that was settled, and
 * whoever else looks at the same moment. A time that comes while the schedule's former run of that kind has not ended is
 * passed over.
 * @returns the run; undefined: nothing was due, or it was passed over
 */
export async function startDue(
  deps: DueDeps,
  { scheduleId, kind }: Tick,
  now: Date,
): Promise<Run | undefined> {
  const run = await deps.ledger.db.transaction(async (tx) => {
    const schedule = await lockSchedule(tx, scheduleId);
    const times = schedule && dueTimesOf(schedule, kind);
    if (schedule === undefined || times === undefined) return undefined;
    const settled = kind === "BACKUP" ? schedule.settledUntil : schedule.drillsSettledUntil;
    const dueAt = latestDue(times, settled, now);
    if (dueAt === undefined) return undefined;
    await settleSchedule(tx, scheduleId, kind, dueAt);
    try {
      const submission = await submissionOf(deps, tx, schedule, kind);
      return (await recordRun({ ...deps.ledger, db: tx }, null, { ...submission, dueAt }, {})).run;
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      const { code, message } = error;
      deps.log.warn({ schedule: schedule.name, kind, dueAt, code }, `nothing was started: ${message}`);
      await recordAudit(tx, {
        actor: null,
        action: "schedule.skipped",
        target: `schedule:${scheduleId}`,
        details: { kind, dueAt: dueAt.toISOString(), code, message },
      });
      return undefined;
    }
  });
  if (run !== undefined) await carryRun(deps, run);
  return run;
}

/** @throws HoldfastError saying why there is nothing to start */
async function submissionOf(
  { catalog }: DueDeps,
  tx: Ledger["db"],
  schedule: Schedule,
  kind: DueKind,
): Promise<Submission> {
  const busy = await findUnfinishedRun(tx, schedule.id, kind);
  if (busy !== undefined)
    throw new HoldfastError("SCHEDULE_BUSY", `The former run ${busy.id} is still ${busy.status}.`);
  if (kind === "BACKUP") return scheduledBackup(catalog, schedule);
  const backup = await findLatestGoodBackup(tx, schedule.id);
  if (backup === undefined) throw new HoldfastError("NOT_READY", "The schedule has no backup yet.");
  return { ...unattendedDrill(backup), scheduleId: schedule.id };
}

/**
 * Looks after all schedules: puts them back into a queue that has lost them, and starts what no tick has started in time,
 * because the queue or every server was down.
 */
export async function lookAfterSchedules(deps: DueDeps, now: Date): Promise<void> {
  const until = new Date(now.getTime() - GRACE_MS);
  for (const schedule of await listEnabledSchedules(deps.ledger.db)) {
    for (const kind of KINDS) {
      const times = dueTimesOf(schedule, kind);
      const settled = kind === "BACKUP" ? schedule.settledUntil : schedule.drillsSettledUntil;
      if (times === undefined || latestDue(times, settled, until) === undefined) continue;
      const run = await startDue(deps, { scheduleId: schedule.id, kind }, now);
      if (run !== undefined)
        deps.log.info({ schedule: schedule.name, runId: run.id }, "a missed run is made up for");
    }
  }
  await arrangeTicks(deps);
}
