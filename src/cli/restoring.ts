// What `restore` and `admin restore` share: how a restore is asked for, when somebody is asked first, and what is said of it.
import type { RestoreMode } from "../core/run.ts";
import { LOCK_OUT_REASONS, type LockOutReason } from "../core/lock-out.ts";
import { HoldfastError } from "../core/errors.ts";
import type { RestoreReport } from "./backend/backend.ts";
import { UsageError } from "./failure.ts";
import { renderChanges, summariseChanges } from "./terminal/changes.ts";
import { askConfirmation, hasTerminal } from "./terminal/prompt.ts";
import type { ReportOptions, RestoringOptions } from "./shared-options.ts";

const MODES: Readonly<Record<RestoringOptions["mode"], RestoreMode>> = {
  merge: "MERGE",
  replace: "REPLACE",
  "insert-missing": "INSERT_MISSING",
};

/** How a restore goes on after its options have been understood. */
export interface RestorePlan {
  readonly mode: RestoreMode;
  readonly dryRun: boolean;
  /** Whether what would change is shown first, and somebody asked. */
  readonly confirm: boolean;
}

/** @throws UsageError for a REPLACE that nobody has agreed to and nobody can be asked about */
export function planRestore({ mode, dryRun = false, yes = false }: RestoringOptions): RestorePlan {
  const confirm = !dryRun && !yes && hasTerminal();
  if (mode === "replace" && !dryRun && !yes && !confirm) {
    throw new UsageError(
      "--mode replace deletes rows, and there is no terminal to ask at.",
      "Add --yes, or see first what it would do: --dry-run.",
    );
  }
  return { mode: MODES[mode], dryRun, confirm };
}

/**
 * Shows what would change and asks.
 * @throws HoldfastError CANCELLED for anything but a yes
 */
export async function confirmChanges(
  options: ReportOptions,
  { changes, lockOut }: Pick<RestoreReport, "changes" | "lockOut">,
  signal: AbortSignal,
): Promise<void> {
  // Standard output is for the result alone where a program reads it.
  const output = options.json === true ? process.stderr : process.stdout;
  output.write(`${renderChanges(changes)}\n${warnOfLockOut(lockOut, "would lock")}`);
  if ((await askConfirmation("Restore this?", signal)) === true) return;
  throw new HoldfastError("CANCELLED", "Not restored; nothing was changed.", {
    hint: "Start it again when you want it.",
  });
}

/** What was done, or would be; the table of it only where it has not been shown already. */
export function describeRestore(
  { changes, lockOut }: Pick<RestoreReport, "changes" | "lockOut">,
  { dryRun, confirm }: Pick<RestorePlan, "dryRun" | "confirm">,
): string {
  const summary = `${summariseChanges(changes)}.`;
  const said = dryRun ? `Nothing was changed. A restore would do this: ${summary}` : `Restored: ${summary}`;
  const warned = warnOfLockOut(lockOut, dryRun ? "would lock" : "has locked") + said;
  return confirm ? warned : `${renderChanges(changes)}\n${warned}`;
}

function warnOfLockOut(reasons: readonly LockOutReason[] = [], does: string): string {
  if (reasons.length === 0) return "";
  return `It ${does} you out. ${reasons.map((reason) => LOCK_OUT_REASONS[reason]).join(" ")}\n`;
}
