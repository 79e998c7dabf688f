// Looks, at the start and now and then, for what restores have left staged in the databases of the catalog.
import { isFinal } from "../src/core/run.ts";
import { sweepDatabase, type StagedRun } from "../src/engine/sweep-staging.ts";
import type { Ledger } from "../src/ledger/connect.ts";
import { findRuns } from "../src/ledger/runs.ts";
import type { WorkerDeps } from "./deps.ts";

const INTERVAL_MS = 600_000;
/** Restores that the ledger does not know are another Holdfast's, or were started without a server. */
const UNKNOWN_FOR_MS = 24 * 3_600_000;
const TIMEOUT_MS = 60_000;

export type SweepDeps = Pick<WorkerDeps, "ledger" | "catalog" | "databaseUrl" | "log">;

/** One look at every database. What cannot be reached or dropped is logged, and looked at again. */
export async function sweepAllStaging(
  deps: SweepDeps,
  unknownForMs: number = UNKNOWN_FOR_MS,
  stop: AbortSignal = new AbortController().signal,
): Promise<void> {
  const names = new Set([...deps.catalog.entities.values()].map(({ database }) => database));
  const findAbandoned = (runs: readonly StagedRun[]) => abandonedOf(deps.ledger, runs, unknownForMs);
  for (const name of names) {
    try {
      const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)]);
      const dropped = await sweepDatabase(deps, name, findAbandoned, signal);
      if (dropped.length > 0) deps.log.warn({ database: name, dropped }, "what restores had left is removed");
    } catch (error) {
      if (stop.aborted) return;
      deps.log.warn({ err: error, database: name }, "what restores may have left could not be looked for");
    }
  }
}

/** Of a run that may still be taken up, what it has committed is the only witness. */
async function abandonedOf(
  ledger: Ledger,
  staged: readonly StagedRun[],
  unknownForMs: number,
): Promise<ReadonlySet<string>> {
  const found = await findRuns(
    ledger,
    staged.map(({ runId }) => runId),
  );
  const known = new Map(found.map((run) => [run.id, run]));
  const abandoned = staged.filter(({ runId, ageMs }) => {
    const run = known.get(runId);
    return run === undefined ? ageMs === null || ageMs > unknownForMs : isFinal(run.status);
  });
  return new Set(abandoned.map(({ runId }) => runId));
}

export interface Sweeper {
  /** Ends the look that is under way. */
  close(): Promise<void>;
}

/** Looks at once, and then every ten minutes. */
export function startSweeper(deps: SweepDeps): Sweeper {
  const stop = new AbortController();
  let looking: Promise<void> | undefined;
  const look = (): void => {
    looking ??= sweepAllStaging(deps, UNKNOWN_FOR_MS, stop.signal).finally(() => (looking = undefined));
  };
  const timer = setInterval(look, INTERVAL_MS);
  look();
  return {
    async close() {
      clearInterval(timer);
      stop.abort();
      await looking;
    },
  };
}
