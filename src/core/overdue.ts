// Whether a schedule has gone without a good backup for too long. Pure.
import { nextDue, type DueTimes } from "./cron.ts";

const MINUTE_MS = 60_000;
const LEAST_GRACE_MS = 10 * MINUTE_MS;
const MOST_GRACE_MS = 12 * 60 * MINUTE_MS;

/**
 * The time of the schedule that should have brought a good backup by now and has not; undefined: all is well. A backup is
 * given half of the time until the next one, but no less than ten minutes and no more than twelve hours.
 * @param goodSince when the newest good backup was started; where there is none, when the schedule was made or changed
 */
export function overdueSince(times: DueTimes, goodSince: Date, now: Date): Date | undefined {
  const due = nextDue(times, goodSince);
  if (due === undefined || due >= now) return undefined;
  const next = nextDue(times, due);
  const between = next === undefined ? MOST_GRACE_MS : next.getTime() - due.getTime();
  const graceMs = Math.min(MOST_GRACE_MS, Math.max(LEAST_GRACE_MS, between / 2));
  return now.getTime() - due.getTime() > graceMs ? due : undefined;
}
