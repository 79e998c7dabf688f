// When a schedule is due: the one reading of cron expressions, which the queue's schedulers are given as well. Pure.
import { Cron } from "croner";
import { HoldfastError } from "./errors.ts";

/** A cron expression and the time zone that it is read in. */
export interface DueTimes {
  /** Five fields, or six with the seconds first; or @hourly, @daily, @weekly, @monthly, @yearly. */
  readonly cron: string;
  /** An IANA name. */
  readonly timeZone: string;
}

const HINT =
  "Five fields: minute, hour, day of the month, month, day of the week. `30 2 * * *` is every day at half past two.";

/**
 * @param field as the client named the expression
 * @throws HoldfastError BAD_INPUT saying what is wrong: no expression, no time zone, or one that never comes
 */
export function checkDueTimes(field: string, { cron, timeZone }: DueTimes, now: Date): void {
  checkTimeZone(timeZone);
  let next: Date | undefined;
  try {
    next = nextDue({ cron, timeZone }, now);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/^Cron\w+: /, "") : String(cause);
    throw new HoldfastError("BAD_INPUT", `\`${field}\` is no cron expression: ${reason}`, {
      hint: HINT,
      cause,
    });
  }
  if (next === undefined)
    throw new HoldfastError("BAD_INPUT", `\`${field}\` names a time that never comes.`, { hint: HINT });
}

/** @throws HoldfastError BAD_INPUT for what is no IANA name */
export function checkTimeZone(timeZone: string): void {
  try {
    // An offset such as +02:00 would be taken, too, and be wrong for half of the year.
    if (!/^[a-z]/i.test(timeZone)) throw new RangeError("not a name");
    Intl.DateTimeFormat("en", { timeZone });
  } catch (cause) {
    throw new HoldfastError("BAD_INPUT", `\`timeZone\` is no time zone: ${JSON.stringify(timeZone)}.`, {
      hint: "Give an IANA name, such as Europe/Berlin, America/New_York or UTC.",
      cause,
    });
  }
}

/**
 * The first due time after a moment; undefined: never.
 *
 * A local time that a change of the clocks leaves out comes at the change, once; one that it brings twice counts the first
 * time, unless the expression names every hour (or minute) anyway.
 */
export function nextDue(times: DueTimes, after: Date): Date | undefined {
  return parse(times).nextRun(after) ?? undefined;
}

/** The last due time after one moment and not after another: however many there were, one is enough. */
export function latestDue(times: DueTimes, after: Date, until: Date): Date | undefined {
  // Due times are whole seconds, and what is asked for here comes before its reference.
  const reference = new Date(Math.floor(until.getTime() / 1000) * 1000 + 1000);
  const [latest] = parse(times).previousRuns(1, reference);
  return latest !== undefined && latest > after ? latest : undefined;
}

function parse({ cron, timeZone }: DueTimes): Cron {
  // What else the parser takes (a single moment, a year) makes no schedule.
  if (!/^\s*(@\w+|\S+(\s+\S+){4,5})\s*$/.test(cron))
    throw new Error(`it has not five fields: ${JSON.stringify(cron)}`);
  return new Cron(cron, { timezone: timeZone, mode: "5-or-6-parts" });
}
