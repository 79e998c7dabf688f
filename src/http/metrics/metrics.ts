// What Prometheus is told: the ledger's figures and the process's own, in its text format.
import { Registry } from "prom-client";
import type { Logger } from "pino";
import type { Ledger } from "../../ledger/connect.ts";
import {
  countAlarms,
  countPendingDeliveries,
  countUnfinishedRuns,
  createEndedRunsReader,
  readScheduleHealth,
} from "../../ledger/statistics.ts";
import type { RunQueue } from "../../queue/queue.ts";
import { addLedgerMetrics, BOUNDS, type LedgerFigures } from "./ledger.ts";
import { processMetrics } from "./process.ts";

export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

export interface MetricsDeps {
  readonly ledger: Ledger;
  readonly queue: RunQueue;
  readonly log: Logger;
}

/**
 * @returns what reads everything anew and gives it as text; it throws what the driver throws where the ledger is out of reach.
 *   Whoever asks while another waits is given the same answer, so that a slow database is asked once.
 */
export function createMetrics(deps: MetricsDeps): () => Promise<string> {
  const readEnded = createEndedRunsReader(deps.ledger, BOUNDS);
  let answer: Promise<string> | undefined;
  const read = async (): Promise<string> => {
    const registry = new Registry();
    addLedgerMetrics(registry, await readFigures(deps, readEnded), new Date());
    return Registry.merge([registry, processMetrics()]).metrics();
  };
  return () => (answer ??= read().finally(() => (answer = undefined)));
}

async function readFigures(
  { ledger, queue, log }: MetricsDeps,
  readEnded: ReturnType<typeof createEndedRunsReader>,
): Promise<LedgerFigures> {
  const counts = queue.counts().catch((error: unknown) => {
    log.warn({ err: error }, "the queue could not be asked for its metrics");
    return undefined;
  });
  return {
    ended: await readEnded(),
    unfinished: await countUnfinishedRuns(ledger),
    schedules: await readScheduleHealth(ledger),
    alarms: await countAlarms(ledger),
    pendingDeliveries: await countPendingDeliveries(ledger),
    queue: await counts,
  };
}
