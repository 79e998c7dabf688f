// Deletes what attempts have left behind of runs that have ended.
import { isFinal, type RunKind } from "../src/core/run.ts";
import { findRunsWithRemains, forgetUnfinished } from "../src/ledger/remains.ts";
import type { Run } from "../src/ledger/run-row.ts";
import { findRun } from "../src/ledger/runs.ts";
import type { WorkerDeps } from "./deps.ts";

type RemainsDeps = Pick<WorkerDeps, "ledger" | "log">;
type Discard = (run: Run, id: string) => Promise<void>;

/** Of one run, if it has ended. What cannot be deleted stays noted, and is tried again by `sweepRemains`. */
export async function discardRemains(deps: RemainsDeps, discard: Discard, runId: string): Promise<void> {
  try {
    const run = await findRun(deps.ledger, runId);
    if (run !== undefined && isFinal(run.status)) await discardOf(deps, discard, run);
  } catch (error) {
    deps.log.warn({ err: error, runId }, "what the run left behind could not be deleted yet");
  }
}

/** Of all runs that ended while no worker had them, or could not be cleaned up after then. */
export async function sweepRemains(
  deps: RemainsDeps,
  processors: Readonly<Partial<Record<RunKind, { readonly discard: Discard }>>>,
): Promise<void> {
  for (const run of await findRunsWithRemains(deps.ledger)) {
    const processor = processors[run.kind];
    if (processor !== undefined) await discardRemains(deps, processor.discard, run.id);
  }
}

async function discardOf({ ledger, log }: RemainsDeps, discard: Discard, run: Run): Promise<void> {
  if (run.unfinishedId === null) return;
  await discard(run, run.unfinishedId);
  await forgetUnfinished(ledger, run.id, run.unfinishedId);
  log.debug({ runId: run.id }, "what the run left behind is deleted");
}
