// What is said of every run, whatever its kind.
import { isFinal, RUN_STATUSES } from "../../core/run.ts";
import type { ListedBackup, ListedRestore } from "../client/listings.ts";
import { formatDuration, formatTime } from "../terminal/format.ts";

export function describeRun(run: ListedBackup | ListedRestore): string[] {
  const { id, status, progress, error, requestedBy, createdAt, durationMs } = run;
  const shown =
    status === "RUNNING" ? `${status}, ${progress.phase}, ${Math.floor(progress.percent)} %` : status;
  const lines = [
    `id          ${id}`,
    `status      ${shown}`,
    `asked for   ${formatTime(createdAt)}${requestedBy === null ? "" : ` by ${requestedBy}`}`,
  ];
  if (durationMs !== null) lines.push(`took        ${formatDuration(durationMs)}`);
  if (error !== null) lines.push(`error       ${error.code}: ${error.message}`);
  return lines;
}

/** A run that waited is cancelled already; one that runs is about to be. */
export function describeCancelled(
  kind: "backup" | "restore",
  { id, status }: { readonly id: string; readonly status: string },
): string {
  const ended = RUN_STATUSES.some((known) => known === status && isFinal(known));
  return ended
    ? `The ${kind} ${id} is cancelled.`
    : `The ${kind} ${id} is being cancelled: holdfast ${kind}s show ${id} says when it has ended.`;
}
