// Schedules for a caller: seen, made, changed, deleted, and started now. Whoever does so has MANAGE_BACKUPS and may read
// every entity that the schedule selects. The runs that it starts by itself later ask nobody: it is who made or changed it
// last that was asked.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { requirePermissions } from "../auth/permissions.ts";
import { MANAGE_BACKUPS, selectEntities } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import type { BackupRun, Run } from "../ledger/run-row.ts";
import {
  findLatestRun,
  findSchedule,
  findUnfinishedRun,
  insertSchedule,
  listSchedules,
  lockSchedule,
  removeSchedule,
  replaceSchedule,
  type DueKind,
  type Schedule,
  type ScheduleTerms,
} from "../ledger/schedules.ts";
import { mayAccess, requireAccess } from "./access.ts";
import type { RunDeps } from "./deps.ts";
import { arrangeTicks } from "./due.ts";
import { checkScheduleInput, chosenSelection, type ScheduleInput } from "./schedule-input.ts";
import { scheduledBackup, scheduledEntities } from "./scheduled-backup.ts";
import { carryRun, recordRun } from "./submit.ts";

function maySee({ catalog }: Pick<RunDeps, "catalog">, caller: Caller, schedule: Schedule): boolean {
  return mayAccess(catalog, caller, scheduledEntities(catalog, schedule), "READ");
}

/** The schedules that the caller may see, by name. */
export async function listVisibleSchedules(deps: RunDeps, caller: Caller): Promise<Schedule[]> {
  const all = await listSchedules(deps.ledger.db);
  return all.filter((schedule) => maySee(deps, caller, schedule));
}

/** @returns undefined also where there is such a schedule, but not for this caller */
export async function findVisibleSchedule(
  deps: RunDeps,
  caller: Caller,
  id: string,
): Promise<Schedule | undefined> {
  const schedule = await findSchedule(deps.ledger.db, id);
  return schedule !== undefined && maySee(deps, caller, schedule) ? schedule : undefined;
}

/** The backup (or the drill) that the schedule has started last, if the caller may see it. */
export async function lastRunOf<K extends DueKind>(
  deps: RunDeps,
  caller: Caller,
  schedule: Schedule,
  kind: K,
): Promise<Extract<Run, { kind: K }> | undefined> {
  const run = await findLatestRun(deps.ledger.db, schedule.id, kind);
  const isShown = (one: Run): one is Extract<Run, { kind: K }> =>
    one.kind === kind && mayAccess(deps.catalog, caller, one.entities, "READ");
  return run !== undefined && isShown(run) ? run : undefined;
}

/**
 * The entities that a schedule would select as it is asked for: READ of them is what making it takes.
 * @throws HoldfastError BAD_INPUT
 */
export function selectedEntities({ catalog }: Pick<RunDeps, "catalog">, input: ScheduleInput): string[] {
  return selectEntities(catalog, chosenSelection(input)).map(({ name }) => name);
}

/**
 * @throws HoldfastError FORBIDDEN without MANAGE_BACKUPS and READ of every selected entity, BAD_INPUT (also for a name that
 * another schedule has), BAD_RECIPIENT
 */
export async function createSchedule(
  deps: RunDeps,
  caller: Caller,
  input: ScheduleInput,
  origin: Origin = {},
): Promise<Schedule> {
  const terms = checkScheduleInput(deps, input);
  requireManaging(deps, caller, terms);
  const schedule = await deps.ledger.db.transaction(async (tx) => {
    const made = await insertSchedule(tx, terms, caller.username);
    if (made === undefined) throw nameTaken(terms.name);
    await recordAudit(tx, auditOf(caller, origin, "created", made));
    return made;
  });
  await rearrange(deps);
  return schedule;
}

/**
 * Changes a schedule. What was due before is not made up: its new times count from now on.
 * @throws HoldfastError as `createSchedule`; NOT_FOUND for a schedule that the caller may not see; FORBIDDEN also without
 * READ of what it has selected so far
 */
export async function updateSchedule(
  deps: RunDeps,
  caller: Caller,
  id: string,
  input: ScheduleInput,
  origin: Origin = {},
): Promise<Schedule> {
  const schedule = await deps.ledger.db.transaction(async (tx) => {
    const before = await requireSchedule(deps, caller, await lockSchedule(tx, id), id);
    const terms = checkScheduleInput(deps, input, before);
    requireManaging(deps, caller, terms);
    if (terms.name !== before.name && (await listSchedules(tx)).some(({ name }) => name === terms.name))
      throw nameTaken(terms.name);
    const after = await replaceSchedule(tx, before, terms);
    await recordAudit(tx, auditOf(caller, origin, "updated", after));
    return after;
  });
  await rearrange(deps);
  return schedule;
}

/**
 * Deletes a schedule. Its backups stay, as backups of no schedule; one that is being made is finished.
 * @throws HoldfastError NOT_FOUND, FORBIDDEN
 */
export async function deleteSchedule(
  deps: RunDeps,
  caller: Caller,
  id: string,
  origin: Origin = {},
): Promise<void> {
  await deps.ledger.db.transaction(async (tx) => {
    const schedule = await requireSchedule(deps, caller, await lockSchedule(tx, id), id);
    await removeSchedule(tx, id);
    await recordAudit(tx, auditOf(caller, origin, "deleted", schedule));
  });
  await rearrange(deps);
}

/**
 * Starts a schedule's backup now, also of one that is not enabled.
 * @throws HoldfastError NOT_FOUND, FORBIDDEN, SCHEDULE_BUSY while another backup of it waits or runs
 */
export async function triggerSchedule(
  deps: RunDeps,
  caller: Caller,
  id: string,
  origin: Origin = {},
): Promise<BackupRun> {
  const run = await deps.ledger.db.transaction(async (tx) => {
    const schedule = await requireSchedule(deps, caller, await lockSchedule(tx, id), id);
    const busy = await findUnfinishedRun(tx, id, "BACKUP");
    if (busy !== undefined) {
      throw new HoldfastError("SCHEDULE_BUSY", `The schedule's backup ${busy.id} is still ${busy.status}.`, {
        details: { backup: busy.id },
      });
    }
    const submission = scheduledBackup(deps.catalog, schedule);
    return (await recordRun({ ...deps.ledger, db: tx }, caller, submission, origin)).run;
  });
  await carryRun(deps, run);
  if (run.kind !== "BACKUP") throw new Error(`run ${run.id} was to be a backup`);
  return run;
}

function requireManaging(
  { catalog }: RunDeps,
  caller: Caller,
  schedule: Pick<ScheduleTerms, "selection">,
): void {
  requirePermissions(caller, [MANAGE_BACKUPS]);
  requireAccess(catalog, caller, scheduledEntities(catalog, schedule), "READ");
}

async function requireSchedule(
  deps: RunDeps,
  caller: Caller,
  schedule: Schedule | undefined,
  id: string,
): Promise<Schedule> {
  requirePermissions(caller, [MANAGE_BACKUPS]);
  if (schedule !== undefined && maySee(deps, caller, schedule)) return schedule;
  throw new HoldfastError("NOT_FOUND", `There is no schedule ${id}.`);
}

function nameTaken(name: string): HoldfastError {
  return new HoldfastError("BAD_INPUT", `\`name\`: there is a schedule ${name} already.`, {
    hint: "Choose another name, or change that schedule.",
  });
}

function auditOf(caller: Caller, origin: Origin, act: "created" | "updated" | "deleted", schedule: Schedule) {
  const { name, cron, timeZone, selection, recipients, stores, retention, enabled, drillCron } = schedule;
  return {
    actor: caller.username,
    action: `schedule.${act}`,
    target: `schedule:${schedule.id}`,
    address: origin.address,
    details: { name, cron, timeZone, selection, recipients, stores, retention, enabled, drillCron },
  };
}

/** What cannot be arranged now is arranged by whoever looks after that, seconds later. */
async function rearrange(deps: RunDeps): Promise<void> {
  await arrangeTicks(deps).catch((error: unknown) => {
    deps.log.warn({ err: error }, "the queue could not be told of the schedules yet");
  });
}
