// The workers of a process: what works on which runs, and the looking after runs that nobody carries.
import type { RunKind } from "../src/core/run.ts";
import type { WorkerDeps } from "./deps.ts";
import type { RunProcessor } from "./process-run.ts";
import { startReconciler } from "./reconcile.ts";
import { sweepRemains } from "./remains.ts";

export interface Workers {
  /** Takes no more runs and gives back those that are under way, within a few seconds. */
  close(): Promise<void>;
}

/** @param concurrency how many runs are worked on at the same time */
export async function startWorkers(
  deps: Pick<WorkerDeps, "ledger" | "queue" | "log">,
  processors: Readonly<Partial<Record<RunKind, RunProcessor>>>,
  concurrency: number,
): Promise<Workers> {
  const handlers = Object.fromEntries(Object.entries(processors).map(([kind, { handle }]) => [kind, handle]));
  const worker = await deps.queue.startWorker(handlers, { concurrency });
  const reconciler = startReconciler({ ...deps, also: () => sweepRemains(deps, processors) });
  return {
    async close() {
      await reconciler.close();
      await worker.close();
    },
  };
}
