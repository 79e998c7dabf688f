// Tells tables that are only ever added to (logs, events, histories) from those that people work with. Left out of a backup unless
// somebody asks for them, so several signs have to come together.
import type { Candidate } from "./candidates.ts";
import { stem, wordsOf } from "./words.ts";

/** Words of names that hardly anything else has. */
const LOG_WORDS = new Set(["audit", "log", "logging", "changelog", "trail", "telemetry", "logentry"]);
/** Words that other things have as well. */
const HINT_WORDS = new Set(
  [
    ...["event", "history", "journal", "activity", "metric", "measurement", "reading", "sample", "click"],
    ...["view", "pageview", "impression", "tracking", "trace", "archive", "stat", "statistic", "heartbeat"],
    ...["ping", "notification", "outbox", "login", "usage"],
  ].map(stem),
);
/** Columns of rows that change. */
const CHANGE_WORDS = new Set(["updated", "modified", "changed", "edited"]);

const MANY_ROWS = 10_000;
const VERY_MANY_ROWS = 100_000;
const VERY_LARGE_BYTES = 100_000_000;
/** Where nobody has counted. */
const ROW_BYTES = 200;
const ENOUGH_SIGNS = 3;

/**
 * @param table with the tables that inherit from it
 * @returns why the table looks as if it were only added to, to follow its name; undefined where it does not
 */
export function appendOnlySigns(table: Candidate, heirs: readonly Candidate[]): string | undefined {
  const family = [table, ...heirs];
  const sum = (value: (member: Candidate) => number): number =>
    family.reduce((total, member) => total + value(member), 0);
  const times = table.relation.columns.filter((column) => column.temporal);
  const words = new Set(wordsOf(table.name).map(stem));
  const named = intersects(words, LOG_WORDS) ? 2 : intersects(words, HINT_WORDS) ? 1 : 0;
  const changes = times.some((column) => wordsOf(column.name).some((word) => CHANGE_WORDS.has(word)));
  const referrers = sum((member) => member.referencedBy.length);
  if (referrers > 0 || times.length === 0 || named === 0) return undefined;
  const updated = sum((member) => member.writes.updated);
  if (updated > sum((member) => member.writes.inserted) / 20) return undefined;

  const rows = sum((member) => member.estimatedRows ?? member.sizeBytes / ROW_BYTES);
  const sizeBytes = sum((member) => member.sizeBytes);
  const large = rows >= VERY_MANY_ROWS || sizeBytes >= VERY_LARGE_BYTES ? 2 : rows >= MANY_ROWS ? 1 : 0;
  const unchanged = updated === 0 ? 1 : 0;
  // Some frameworks give every table such a column; what nobody ever updates is a log all the same, if it is large.
  const doubt = changes ? 1 : 0;
  if (named + large + unchanged - doubt < ENOUGH_SIGNS) return undefined;
  const signs = [
    "its name",
    ...(large > 0 ? ["its size"] : []),
    ...(unchanged > 0 ? ["rows that are never updated"] : []),
    "no foreign key to it",
  ];
  return `looks as if it were only added to (${signs.join(", ")})`;
}

function intersects(words: ReadonlySet<string>, others: ReadonlySet<string>): boolean {
  return [...words].some((word) => others.has(word));
}
