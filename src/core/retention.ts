// Retention: which backups stay. Pure: what is decided here is carried out elsewhere.
import type { RunStatus } from "./run.ts";
import { HoldfastError } from "./errors.ts";

/** How many of the newest backups stay, in all and one for each day, week, month and year; null: none for that reason. */
export interface Retention {
  readonly keepLast: number | null;
  readonly keepDaily: number | null;
  readonly keepWeekly: number | null;
  readonly keepMonthly: number | null;
  readonly keepYearly: number | null;
}

/** A backup as retention sees it. */
export interface RetentionCandidate {
  readonly id: string;
  readonly createdAt: Date;
  /** Only a backup that has SUCCEEDED is a backup; others are neither counted nor decided on. */
  readonly status: RunStatus;
  readonly pinned: boolean;
  /** What it is one of: a schedule, or the backups that somebody started. A policy never looks across two series. */
  readonly series: string;
}

export interface RetentionDecision<C extends RetentionCandidate = RetentionCandidate> {
  readonly candidate: C;
  readonly keep: boolean;
  /** Why it stays, or by each rule of the policy why it does not: at least one. */
  readonly reasons: readonly string[];
}

interface Rule {
  readonly field: keyof Retention;
  readonly unit: string;
  /** What its backup is the newest of, by its local date; undefined: every backup is a bucket of its own. */
  readonly bucketOf?: (date: LocalDate) => string;
}

const RULES: readonly Rule[] = [
  { field: "keepLast", unit: "last" },
  { field: "keepDaily", unit: "daily", bucketOf: ({ year, month, day }) => `${year}-${month}-${day}` },
  { field: "keepWeekly", unit: "weekly", bucketOf: isoWeekOf },
  { field: "keepMonthly", unit: "monthly", bucketOf: ({ year, month }) => `${year}-${month}` },
  { field: "keepYearly", unit: "yearly", bucketOf: ({ year }) => year },
];

const MAX_KEPT = 2 ** 31 - 1;

/**
 * The policy with what is left out, and 0, as null.
 * @throws HoldfastError BAD_INPUT for a negative or broken number, and for a policy that keeps nothing
 */
export function checkRetention(input: Readonly<Partial<Record<keyof Retention, unknown>>>): Retention {
  const counts = RULES.map(({ field }) => [field, checkCount(field, input[field] ?? 0)] as const);
  if (counts.every(([, count]) => count === null)) {
    throw new HoldfastError(
      "BAD_INPUT",
      "The retention policy keeps nothing: every backup would be deleted.",
      {
        hint: "Give at least one of keepLast, keepDaily, keepWeekly, keepMonthly and keepYearly.",
      },
    );
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- RULES names every field
  return Object.fromEntries(counts) as Record<keyof Retention, number | null>;
}

function checkCount(field: string, count: unknown): number | null {
  if (typeof count === "number" && Number.isInteger(count) && count >= 0 && count <= MAX_KEPT)
    return count === 0 ? null : count;
  throw new HoldfastError("BAD_INPUT", `\`${field}\` is ${String(count)}; it counts backups, from 0.`);
}

/**
 * Decides what stays, series by series, as restic's `forget` does: each rule walks from the newest to the oldest, and
 * keeps the newest of every bucket (day, ISO week, month, year) that holds any, until it has kept as many as it says.
 * What no rule keeps goes, except what is pinned and the only good backup of its series. An empty policy keeps everything.
 * @param timeZoneOf of a series: an IANA name; its days, weeks, months and years begin in it
 * @returns a decision for every candidate that has SUCCEEDED; those of a series together, the newest first
 */
export function decideRetention<C extends RetentionCandidate>(
  candidates: readonly C[],
  policy: Retention,
  timeZoneOf: (series: string) => string,
): RetentionDecision<C>[] {
  const good = candidates.filter(({ status }) => status === "SUCCEEDED");
  return [...Map.groupBy(good, ({ series }) => series)].flatMap(([series, members]) =>
    decideSeries(members.toSorted(newestFirst), policy, timeZoneOf(series)),
  );
}

function decideSeries<C extends RetentionCandidate>(
  newestToOldest: readonly C[],
  policy: Retention,
  timeZone: string,
): RetentionDecision<C>[] {
  const dateOf = localDates(timeZone);
  const judges = RULES.flatMap((rule) => {
    const count = policy[rule.field] ?? 0;
    return count > 0 ? [createJudge(rule, count)] : [];
  });
  const isOnly = newestToOldest.length === 1;
  return newestToOldest.map((candidate) => {
    const verdicts = judges.map((judge) => judge(dateOf(candidate.createdAt)));
    const kept = verdicts.filter(({ keep }) => keep).map(({ reason }) => reason);
    if (judges.length === 0) kept.push("no rule");
    if (candidate.pinned) kept.push("pinned");
    if (isOnly) kept.push("the only good one");
    return kept.length > 0
      ? { candidate, keep: true, reasons: kept }
      : { candidate, keep: false, reasons: verdicts.map(({ reason }) => reason) };
  });
}

interface Verdict {
  readonly keep: boolean;
  readonly reason: string;
}

/** One rule on its walk: to be asked about every backup, from the newest to the oldest. */
function createJudge({ unit, bucketOf }: Rule, count: number): (date: LocalDate) => Verdict {
  let kept = 0;
  let latest: string | undefined;
  return (date) => {
    if (bucketOf === undefined) {
      if (kept === count) return { keep: false, reason: `${unit}: ${count} newer stay` };
      kept += 1;
      return { keep: true, reason: `${unit} ${kept} of ${count}` };
    }
    const bucket = bucketOf(date);
    if (bucket === latest) return { keep: false, reason: `${unit} ${bucket}: a newer one stays` };
    if (kept === count) return { keep: false, reason: `${unit} ${bucket}: ${count} newer stay` };
    kept += 1;
    latest = bucket;
    return { keep: true, reason: `${unit} ${bucket}` };
  };
}

function newestFirst(left: RetentionCandidate, right: RetentionCandidate): number {
  return right.createdAt.getTime() - left.createdAt.getTime() || (left.id < right.id ? 1 : -1);
}

/** As it is written on a calendar on the wall: `2026`, `03`, `29`. */
interface LocalDate {
  readonly year: string;
  readonly month: string;
  readonly day: string;
}

function localDates(timeZone: string): (at: Date) => LocalDate {
  const format = new Intl.DateTimeFormat("en", {
    ...{ timeZone, calendar: "gregory", numberingSystem: "latn" },
    ...{ year: "numeric", month: "2-digit", day: "2-digit" },
  });
  return (at) => {
    const parts = format.formatToParts(at);
    const part = (type: string) => parts.find((candidate) => candidate.type === type)?.value ?? "";
    return { year: part("year"), month: part("month"), day: part("day") };
  };
}

const DAY_MS = 24 * 60 * 60 * 1000;

/** The ISO 8601 week, such as 2026-W01: it begins on a Monday, and belongs to the year that has its Thursday. */
function isoWeekOf({ year, month, day }: LocalDate): string {
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day));
  const weekday = (new Date(midnight).getUTCDay() + 6) % 7;
  const thursday = new Date(midnight + (3 - weekday) * DAY_MS);
  const newYear = Date.UTC(thursday.getUTCFullYear(), 0, 1);
  const week = 1 + Math.floor((thursday.getTime() - newYear) / (7 * DAY_MS));
  return `${thursday.getUTCFullYear()}-W${String(week).padStart(2, "0")}`;
}
