// Options that say how many backups stay, for `prune` and for schedules.
import type { Command } from "commander";
import type { RetentionInput } from "./client/keeping.ts";
import { parseNumber } from "./options.ts";

export interface RetentionOptions {
  readonly keepLast?: number;
  readonly keepDaily?: number;
  readonly keepWeekly?: number;
  readonly keepMonthly?: number;
  readonly keepYearly?: number;
}

export function addRetentionOptions(command: Command): Command {
  return command
    .option("--keep-last <number>", "so many of the newest", parseNumber)
    .option("--keep-daily <number>", "the newest of each of the last so many days that have any", parseNumber)
    .option("--keep-weekly <number>", "the same for weeks, which begin on Mondays", parseNumber)
    .option("--keep-monthly <number>", "the same for months", parseNumber)
    .option("--keep-yearly <number>", "the same for years", parseNumber);
}

/** @returns undefined where nothing is said of it */
export function retentionOf(options: RetentionOptions): RetentionInput | undefined {
  const { keepLast, keepDaily, keepWeekly, keepMonthly, keepYearly } = options;
  const retention = { keepLast, keepDaily, keepWeekly, keepMonthly, keepYearly };
  return Object.values(retention).some((count) => count !== undefined) ? retention : undefined;
}
