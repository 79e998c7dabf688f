// Prunes a server's backups, and shows why each stays or goes.
import { openApi } from "../client/api.ts";
import { PRUNE, type Decision, type Pruned } from "../client/keeping.ts";
import { UsageError } from "../failure.ts";
import { printResult } from "../report.ts";
import { retentionOf, type RetentionOptions } from "../retention-options.ts";
import type { ApiOptions } from "../server-options.ts";
import type { UnlockOptions } from "../shared-options.ts";
import { formatQuantity, formatTime } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";
import { findSchedule } from "./schedules.ts";

export interface PruneOptions extends ApiOptions, RetentionOptions, UnlockOptions {
  /** By name or id. */
  readonly schedule?: string;
  readonly dryRun?: boolean;
  /** A directory, or a store's name: only what lies there counts, and no ledger. */
  readonly store?: string;
  readonly asOne?: boolean;
  readonly timeZone?: string;
}

/** @throws UsageError without any --keep option: it would delete everything */
export async function prune(options: PruneOptions, signal: AbortSignal): Promise<void> {
  const { dryRun = false, schedule } = options;
  const retention = retentionOf(options);
  if (retention === undefined || Object.values(retention).every((count) => !count))
    throw new UsageError(
      "There is nothing to keep.",
      "Give at least one of --keep-last, --keep-daily, --keep-weekly, --keep-monthly and --keep-yearly.",
    );
  const { store } = options;
  if (store !== undefined) {
    requireAlone(options);
    const { pruneStored } = await import("./store-alone.ts");
    return pruneStored({ ...options, store, retention, dryRun }, signal);
  }
  if (options.asOne === true || options.timeZone !== undefined || hasKeys(options))
    throw new UsageError(
      "--as-one, --time-zone and keys are for a store without its ledger.",
      "Add --store, or leave them out: what a backup holds, and its schedule's time zone, are known.",
    );
  await using api = await openApi(options, signal);
  const scheduleId = schedule === undefined ? undefined : (await findSchedule(api, schedule)).id;
  const { pruneBackups } = await api.execute(PRUNE, { input: { scheduleId, retention, dryRun } });
  printResult(options, pruneBackups, () => describe(pruneBackups, dryRun));
}

/** @throws UsageError for what only a ledger knows */
function requireAlone({ schedule, server, token }: PruneOptions): void {
  if (schedule === undefined && server === undefined && token === undefined) return;
  throw new UsageError(
    "--store looks at what lies in a store, and asks no server and no ledger.",
    "Leave out --schedule, --server and --token, or --store.",
  );
}

function hasKeys({ passphraseFile, identityFile }: UnlockOptions): boolean {
  return passphraseFile !== undefined || identityFile !== undefined;
}

function describe({ kept, deleted }: Pruned, dryRun: boolean): string {
  const summary = dryRun
    ? `Nothing was deleted. ${formatQuantity(deleted.length, "backup")} would be, and ${kept.length} would stay.`
    : `Deleted ${formatQuantity(deleted.length, "backup")}; ${kept.length} stay.`;
  if (kept.length + deleted.length === 0) return summary;
  const row = (decides: string) => (decision: Decision) => [
    decision.backup.id,
    formatTime(decision.backup.createdAt),
    decision.backup.schedule?.name ?? "·",
    decides,
    decision.reasons.join(", "),
  ];
  const table = renderTable(
    ["backup", "made", "schedule", "", "why"].map((title) => ({ title })),
    [...kept.map(row("stays")), ...deleted.map(row("goes"))],
  );
  return `${table}\n${summary}`;
}
