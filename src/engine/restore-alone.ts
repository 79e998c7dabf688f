// Restores that no queue carries: whoever asked for one waits for it, and nobody would take it up again after a failure.
import { setTimeout as delay } from "node:timers/promises";
import { isHoldfastError } from "../core/errors.ts";
import type { RunControl } from "../core/run.ts";
import {
  forgetRestore,
  restore,
  type RestoreDeps,
  type RestoreOrder,
  type RestoreResult,
} from "./restore.ts";

/** Before a database is tried again that went away in the middle of the commits; each time four times as long as before. */
const RETRY_MS = 500;
const ATTEMPTS = 4;
/** For what has to be done although the caller has left. */
const FORGET_TIMEOUT_MS = 60_000;

/**
 * As `restore`, and finishes what it has begun to commit. Nothing is left in any database, however it ends.
 * @param onLeftBehind told of a database from which what was staged could not be removed
 */
export async function restoreAlone(
  deps: RestoreDeps,
  order: Omit<RestoreOrder, "attempt">,
  control: RunControl,
  onLeftBehind: (error: unknown, database: string) => void,
): Promise<RestoreResult> {
  const touched = new Set<string>();
  const databaseUrl = (name: string): string => {
    touched.add(name);
    return deps.databaseUrl(name);
  };
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await restore({ ...deps, databaseUrl }, { ...order, attempt }, control);
      } catch (error) {
        const unfinished =
          isHoldfastError(error, "PARTIALLY_APPLIED") || isHoldfastError(error, "OUTCOME_UNKNOWN");
        if (!unfinished || attempt === ATTEMPTS) throw error;
        await delay(RETRY_MS * 4 ** (attempt - 1));
      }
    }
  } finally {
    for (const database of touched) {
      const signal = AbortSignal.timeout(FORGET_TIMEOUT_MS);
      await forgetRestore(deps, { runId: order.runId, database }, signal).catch((error: unknown) =>
        onLeftBehind(error, database),
      );
    }
  }
}
