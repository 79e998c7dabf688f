// Finds runs that no worker and no job carries any more, and has them carried again: what a lost queue, a killed process
// or a crash between a run's row and its job would leave behind.
import type { Logger } from "pino";
import { startLooking, type Looking } from "../src/core/looking.ts";
import type { Ledger } from "../src/ledger/connect.ts";
import { confirmCarried, findUnconfirmedRuns, recoverLostRuns } from "../src/ledger/recovery.ts";
import type { RunQueue } from "../src/queue/queue.ts";

const INTERVAL_MS = 5_000;
/** Workers beat every second, and the queue hands a dead worker's jobs on in less. */
const SILENT_FOR_MS = 15_000;

export interface ReconcileDeps {
  readonly ledger: Ledger;
  readonly queue: RunQueue;
  readonly log: Logger;
}

/**
 * Puts runs back into the queue whose worker has been silent for so long, or whose job is gone for so long; cancels
 * those that were to be cancelled, and fails those that lose every worker. Any number of processes may do it at once.
 */
export async function reconcile(
  { ledger, queue, log }: ReconcileDeps,
  silentForMs: number = SILENT_FOR_MS,
): Promise<void> {
  const lost = await recoverLostRuns(ledger, { silentForMs });
  for (const { id, status } of lost) log.warn({ runId: id, status }, "the run's worker was lost");
  const carried: string[] = [];
  for (const run of [
    ...lost.filter(({ status }) => status === "QUEUED"),
    ...(await findUnconfirmedRuns(ledger, silentForMs)),
  ]) {
    if (!(await queue.has(run.id))) {
      await queue.enqueue(run.kind, run.id);
      log.warn({ runId: run.id }, "the run had no job; it has one again");
    }
    carried.push(run.id);
  }
  await confirmCarried(ledger, carried);
}

/** Looks at once, and then every few seconds. To be started in every process, whether it has workers or not. */
export function startReconciler(deps: ReconcileDeps & { readonly also?: () => Promise<void> }): Looking {
  return startLooking(
    () => reconcile(deps).then(deps.also),
    INTERVAL_MS,
    (error) => deps.log.warn({ err: error }, "lost runs could not be looked for"),
  );
}
