// What is not as it is expected to be. Pure.
import type { BackupRun } from "../graphql/fragments.ts";
import { formatAge } from "../parts/format.ts";
import { longestGapMs } from "../schedules/times.ts";
import type { Schedule } from "../schedules/documents.ts";
import type { Reachable } from "../stores/reachable.ts";

export interface Concern {
  readonly text: string;
  readonly href?: string;
  /** Rows could be lost because of it, if they were lost now. */
  readonly grave: boolean;
}

export interface Known {
  readonly schedules: readonly Schedule[];
  readonly reachable: Reachable | undefined;
  readonly failed: readonly BackupRun[];
  readonly lastGood: BackupRun | undefined;
  /** Whether the caller could see schedules, if there were any. */
  readonly mayManage: boolean;
  readonly now: Date;
}

/** A backup takes its time, and a queue may be long. */
const GRACE_MS = 3_600_000;
const RECENT_MS = 2 * 86_400_000;

export function judge({ schedules, reachable, failed, lastGood, mayManage, now }: Known): Concern[] {
  const concerns = schedules.flatMap((schedule) => [
    ...concernsOf(schedule, now),
    ...concernsOfDrill(schedule),
  ]);
  for (const [store, answers] of reachable ?? []) {
    if (!answers)
      concerns.push({ text: `The store ${store} does not answer.`, href: "/stores", grave: true });
  }
  if (lastGood === undefined) {
    concerns.push({ text: "Nothing has been backed up yet.", href: "/backups/new", grave: true });
  }
  if (mayManage && schedules.length === 0) {
    concerns.push({
      text: "Nothing is backed up by itself: there is no schedule.",
      href: "/schedules/new",
      grave: false,
    });
  }
  for (const backup of failed) {
    // A schedule's own are spoken of above, and one that went well since has made up for it.
    const isMadeUp = lastGood !== undefined && lastGood.createdAt > backup.createdAt;
    if (backup.schedule !== null || isMadeUp || now.getTime() - Date.parse(backup.createdAt) > RECENT_MS)
      continue;
    concerns.push({
      text: `A backup has failed ${formatAge(new Date(backup.createdAt), now)}: ${backup.error?.message ?? ""}`,
      href: `/backups/${backup.id}`,
      grave: false,
    });
  }
  return concerns;
}

function concernsOfDrill({ name, lastDrill, lastBackup }: Schedule): Concern[] {
  if (lastDrill?.status !== "FAILED") return [];
  const href = lastBackup === null ? {} : { href: `/backups/${lastBackup.id}` };
  return [{ text: `The last drill of ${name} has failed.`, ...href, grave: true }];
}

function concernsOf(schedule: Schedule, now: Date): Concern[] {
  const { id, name, cron, timeZone, enabled, lastBackup } = schedule;
  if (!enabled) return [{ text: `${name} is off.`, href: `/schedules/${id}`, grave: false }];
  if (lastBackup === null) return [];
  if (lastBackup.status === "FAILED" || lastBackup.status === "CANCELLED") {
    const become = lastBackup.status === "FAILED" ? "has failed" : "was cancelled";
    return [
      { text: `The last backup of ${name} ${become}.`, href: `/backups/${lastBackup.id}`, grave: true },
    ];
  }
  const gapMs = longestGapMs(cron, timeZone);
  const at = new Date(lastBackup.createdAt);
  if (gapMs === undefined || now.getTime() - at.getTime() <= gapMs + GRACE_MS) return [];
  return [
    {
      text: `${name} is overdue: its last backup was ${formatAge(at, now)}.`,
      href: `/schedules/${id}`,
      grave: true,
    },
  ];
}
