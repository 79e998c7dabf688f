// What is said of a schedule, checked: the same when it is made and when it is changed.
import { checkRecipients } from "../codec/age.ts";
import type { Selection } from "../core/catalog.ts";
import { checkDueTimes } from "../core/cron.ts";
import { checkRetention, type Retention } from "../core/retention.ts";
import type { Schedule, ScheduleTerms } from "../ledger/schedules.ts";
import type { RunDeps } from "./deps.ts";
import { backedUpEntities, checkStores } from "./start-backup.ts";
import { checkText } from "./text.ts";

/** In a change, what is undefined stays as it is; null is what a new schedule has that says nothing. */
export interface ScheduleInput {
  readonly name: string;
  /** As src/core/cron.ts reads it. */
  readonly cron: string;
  /** An IANA name. */
  readonly timeZone: string;
  /** The three are one choice: if one of them is given, the others are not what they were. */
  readonly entities?: readonly string[] | null | undefined;
  readonly groups?: readonly string[] | null | undefined;
  readonly include?: readonly string[] | null | undefined;
  /** age recipients (age1...); none: not encrypted. */
  readonly recipients?: readonly string[] | null | undefined;
  /** null: the default ones. */
  readonly stores?: readonly string[] | null | undefined;
  /** null: everything stays. */
  readonly retention?:
    Readonly<Partial<Record<keyof Retention, number | null | undefined>>> | null | undefined;
  readonly enabled: boolean;
  /** When a drill of its newest backup is due; null: never by itself. */
  readonly drillCron?: string | null | undefined;
}

/**
 * @param before as it is, where it is to be changed
 * @throws HoldfastError BAD_INPUT naming the field (an unknown or empty selection, an unknown store, times that are none,
 * a policy that keeps nothing), BAD_RECIPIENT
 */
export function checkScheduleInput(
  deps: Pick<RunDeps, "catalog" | "stores">,
  input: ScheduleInput,
  before?: Schedule,
): ScheduleTerms {
  const { timeZone, enabled } = input;
  const name = checkText("name", input.name);
  const cron = checkText("cron", input.cron).trim();
  const now = new Date();
  checkDueTimes("cron", { cron, timeZone }, now);
  const drillCron = left(input.drillCron, before?.drillCron) ?? null;
  if (drillCron !== null)
    checkDueTimes("drillCron", { cron: checkText("drillCron", drillCron), timeZone }, now);
  const selection = chosenSelection(input, before);
  backedUpEntities(deps, selection);
  const recipients = [...new Set(left(input.recipients, before?.recipients) ?? [])];
  if (recipients.length > 0) checkRecipients(recipients);
  const stores = left(input.stores, before?.stores);
  const retention = left(input.retention, before?.retention);
  return {
    ...{ name, cron, timeZone, enabled, drillCron, selection, recipients },
    stores: checkStores(deps.stores, stores ?? undefined),
    retention: retention ? checkRetention(retention) : null,
  };
}

/** What is given, null as well; what there was, where nothing is. */
function left<T>(given: T | undefined, before: T | undefined): T | undefined {
  const isGiven = given !== undefined;
  return isGiven ? given : before;
}

/** The selection that a schedule is asked to have, before it is known whether there is such a thing. */
export function chosenSelection(
  { entities, groups, include }: Pick<ScheduleInput, "entities" | "groups" | "include">,
  before?: Schedule,
): Selection {
  const says = [entities, groups, include].some((part) => part !== undefined);
  if (!says && before !== undefined) return before.selection;
  // As JSON has it: what is not said is not there.
  return { ...(entities && { entities }), ...(groups && { groups }), ...(include && { include }) };
}
