// Cron expressions as people read them, and when they are due. The server reads them with the same library.
import { Cron } from "croner";
import cronstrue from "cronstrue";

export interface ReadCron {
  /** "At 02:30, every day". */
  readonly sentence: string;
  readonly next: readonly Date[];
}

/** @returns what is wrong with it, as text, where it is no expression */
export function readCron(cron: string, timeZone: string, times = 5): ReadCron | string {
  try {
    const next = new Cron(cron, { timezone: timeZone, mode: "5-or-6-parts" }).nextRuns(times);
    if (next.length === 0) return "It is never due.";
    return { sentence: cronstrue.toString(cron, { use24HourTimeFormat: true, verbose: true }), next };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return reason.replace(/^Cron\w+: /, "");
  }
}

/** A point in time as the clocks of a zone show it: "Mon, 23 Nov 2026, 02:30". */
export function formatIn(at: Date, timeZone: string): string {
  const style = {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
  } as const;
  try {
    return new Intl.DateTimeFormat("en-GB", { ...style, minute: "2-digit", timeZone }).format(at);
  } catch {
    return new Intl.DateTimeFormat("en-GB", { ...style, minute: "2-digit" }).format(at);
  }
}

/** The day in a zone: "2026-11-23". */
export function dayIn(at: Date, timeZone: string): string {
  return new Intl.DateTimeFormat("en-CA", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    timeZone,
  }).format(at);
}

/**
 * How far apart two of its backups are at most, in milliseconds, judged by its next times: a backup that is older than
 * that, and some, is one that should have been followed by another.
 */
export function longestGapMs(cron: string, timeZone: string): number | undefined {
  const read = readCron(cron, timeZone, 12);
  if (typeof read === "string") return undefined;
  const gaps = read.next
    .slice(1)
    .map((at, index) => at.getTime() - (read.next[index]?.getTime() ?? at.getTime()));
  return gaps.length === 0 ? undefined : Math.max(...gaps);
}
