// Lists, shows, makes, changes, deletes and triggers a server's schedules.
import { checkDueTimes, nextDue, type DueTimes } from "../../core/cron.ts";
import { HoldfastError } from "../../core/errors.ts";
import { followBackup } from "../backend/kept.ts";
import { openApi, type Api } from "../client/api.ts";
import {
  CREATE_SCHEDULE,
  DELETE_SCHEDULE,
  SCHEDULES,
  TRIGGER_SCHEDULE,
  UPDATE_SCHEDULE,
  type ListedRetention,
  type ListedSchedule,
  type ScheduleInput,
} from "../client/keeping.ts";
import { UsageError } from "../failure.ts";
import { printResult, withProgress } from "../report.ts";
import { retentionOf, type RetentionOptions } from "../retention-options.ts";
import type { ApiOptions } from "../server-options.ts";
import { formatTime } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";

interface ScheduleOptions extends ApiOptions, RetentionOptions {
  readonly timeZone?: string;
  readonly entities?: readonly string[];
  readonly groups?: readonly string[];
  readonly include?: readonly string[];
  readonly recipient?: readonly string[];
  readonly stores?: readonly string[];
  readonly drillCron?: string;
}

export interface CreateScheduleOptions extends ScheduleOptions {
  readonly name: string;
  readonly cron: string;
  readonly disabled?: boolean;
}

export interface ChangeScheduleOptions extends ScheduleOptions {
  readonly name?: string;
  readonly cron?: string;
  readonly enable?: boolean;
  readonly disable?: boolean;
  /** false: --no-recipients, and so on. */
  readonly recipients: boolean;
  readonly retention: boolean;
  readonly drill: boolean;
}

export interface NextOptions extends ApiOptions {
  readonly cron?: string;
  readonly timeZone: string;
  readonly count: number;
}

export async function listSchedules(options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  const { schedules } = await api.execute(SCHEDULES, {});
  printResult(options, schedules, () =>
    renderTable(
      ["name", "cron", "time zone", "next", "last backup", "keeps", "entities"].map((title) => ({ title })),
      schedules.map((schedule) => [
        schedule.name,
        schedule.cron,
        schedule.timeZone,
        schedule.nextRunAt === null ? "disabled" : formatTime(schedule.nextRunAt),
        describeLast(schedule),
        describeRetention(schedule.retention),
        schedule.entities.join(" "),
      ]),
    ),
  );
}

export async function showSchedule(name: string, options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  const schedule = await findSchedule(api, name);
  printResult(options, schedule, () => describeSchedule(schedule));
}

export async function createSchedule(options: CreateScheduleOptions, signal: AbortSignal): Promise<void> {
  const input: ScheduleInput = {
    ...inputOf(options),
    name: options.name,
    cron: options.cron,
    timeZone: options.timeZone,
    enabled: options.disabled !== true,
  };
  await using api = await openApi(options, signal, "made");
  const { createSchedule } = await api.execute(CREATE_SCHEDULE, { input });
  printResult(options, createSchedule, () => describeSchedule(createSchedule));
}

export async function updateSchedule(
  name: string,
  options: ChangeScheduleOptions,
  signal: AbortSignal,
): Promise<void> {
  if (options.enable === true && options.disable === true)
    throw new UsageError("--enable and --disable are given.", "Give one of the two.");
  const said = inputOf(options);
  contradiction("recipient", options.recipients, said.recipients);
  contradiction("keep", options.retention, said.retention);
  contradiction("drill-cron", options.drill, said.drillCron);
  await using api = await openApi(options, signal);
  const before = await findSchedule(api, name);
  const input: ScheduleInput = {
    ...said,
    name: options.name ?? before.name,
    cron: options.cron ?? before.cron,
    // These two have defaults of their own in the API.
    timeZone: options.timeZone ?? before.timeZone,
    enabled: options.enable === true || (options.disable !== true && before.enabled),
    ...(!options.recipients && { recipients: null }),
    ...(!options.retention && { retention: null }),
    ...(!options.drill && { drillCron: null }),
  };
  const { updateSchedule } = await api.execute(UPDATE_SCHEDULE, { id: before.id, input });
  printResult(options, updateSchedule, () => describeSchedule(updateSchedule));
}

function contradiction(option: string, wanted: boolean, value: unknown): void {
  if (wanted || value === undefined) return;
  throw new UsageError(`--${option} is given, and that there is to be none.`, "Give one of the two.");
}

export async function deleteSchedule(name: string, options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  const { id, name: called } = await findSchedule(api, name);
  await api.execute(DELETE_SCHEDULE, { id });
  printResult(options, { id }, () => `The schedule ${called} is deleted. Its backups stay.`);
}

export async function triggerSchedule(name: string, options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal, "backup");
  const { id } = await findSchedule(api, name);
  const { triggerSchedule: run } = await api.execute(TRIGGER_SCHEDULE, { id });
  if (api.isDirect) {
    // Nobody else is there to make it.
    const report = await withProgress(options, signal, (control) => followBackup(api, run.id, control));
    printResult(
      options,
      report,
      () => `The backup ${run.id} is made, in ${(report.stores ?? []).join(", ")}.`,
    );
    return;
  }
  printResult(options, run, () => `The backup ${run.id} is ${run.status}: holdfast backups show ${run.id}`);
}

/** @throws UsageError without a schedule or an expression, and with both; HoldfastError BAD_INPUT for a bad expression */
export async function showNext(
  name: string | undefined,
  options: NextOptions,
  signal: AbortSignal,
): Promise<void> {
  if ((name === undefined) === (options.cron === undefined))
    throw new UsageError("It takes a schedule or --cron, one of the two.");
  const now = new Date();
  const times = await timesOf(name, options, signal);
  checkDueTimes("cron", times, now);
  const next: Date[] = [];
  for (
    let due = nextDue(times, now);
    due !== undefined && next.length < options.count;
    due = nextDue(times, due)
  )
    next.push(due);
  const { cron, timeZone } = times;
  printResult(options, { cron, timeZone, next: next.map((due) => due.toISOString()) }, () =>
    renderTable(
      [{ title: "UTC" }, { title: timeZone }],
      next.map((due) => [formatTime(due.toISOString()), due.toLocaleString("sv", { timeZone })]),
    ),
  );
}

async function timesOf(
  name: string | undefined,
  options: NextOptions,
  signal: AbortSignal,
): Promise<DueTimes> {
  if (name === undefined) return { cron: options.cron ?? "", timeZone: options.timeZone };
  await using api = await openApi(options, signal);
  return await findSchedule(api, name);
}

/** @throws HoldfastError NOT_FOUND */
export async function findSchedule(api: Api, name: string): Promise<ListedSchedule> {
  const { schedules } = await api.execute(SCHEDULES, {});
  const found =
    schedules.find((schedule) => schedule.name === name) ?? schedules.find(({ id }) => id === name);
  if (found !== undefined) return found;
  throw new HoldfastError("NOT_FOUND", `There is no schedule ${name} at ${api.place}.`, {
    hint:
      schedules.length === 0
        ? "There are none."
        : `There are ${schedules.map((one) => one.name).join(", ")}.`,
  });
}

function inputOf(options: ScheduleOptions): Omit<ScheduleInput, "name" | "cron"> {
  const { entities, groups, include, recipient: recipients, stores, drillCron } = options;
  return { entities, groups, include, recipients, stores, drillCron, retention: retentionOf(options) };
}

function describeSchedule(schedule: ListedSchedule): string {
  const { id, name, cron, timeZone, entities, recipients, stores, drillCron, nextRunAt, nextDrillAt } =
    schedule;
  return [
    `name        ${name}`,
    `id          ${id}`,
    `due         ${cron}, ${timeZone}`,
    `next        ${nextRunAt === null ? "disabled" : formatTime(nextRunAt)}`,
    `last        ${describeLast(schedule)}`,
    `entities    ${entities.join(", ")}`,
    `encryption  ${recipients.length === 0 ? "NONE" : `to ${recipients.join(", ")}`}`,
    `stores      ${stores.join(", ")}`,
    `keeps       ${describeRetention(schedule.retention)}`,
    `drills      ${drillCron === null ? "·" : `${drillCron}, next ${nextDrillAt === null ? "·" : formatTime(nextDrillAt)}`}`,
  ].join("\n");
}

function describeLast({ lastBackup }: ListedSchedule): string {
  return lastBackup === null ? "·" : `${formatTime(lastBackup.createdAt)} ${lastBackup.status}`;
}

function describeRetention(retention: ListedRetention | null): string {
  if (retention === null) return "everything";
  const { keepLast, keepDaily, keepWeekly, keepMonthly, keepYearly } = retention;
  const rules = {
    last: keepLast,
    daily: keepDaily,
    weekly: keepWeekly,
    monthly: keepMonthly,
    yearly: keepYearly,
  };
  return Object.entries(rules)
    .flatMap(([unit, count]) => (count === null ? [] : [`${count} ${unit}`]))
    .join(", ");
}
