// Tells people what the configuration says that they want to be told: finds what is new, and sees that it is delivered.
import { deliveryHandler } from "../../workers/delivery.ts";
import { startLooking } from "../core/looking.ts";
import { forgetOldDeliveries, listPendingDeliveries } from "../ledger/deliveries.ts";
import { considerEndedRuns, considerSchedules } from "../runs/notices.ts";
import type { Foundation } from "./foundation.ts";

const ENDED_RUNS_MS = 5_000;
/** Nothing is overdue by less than ten minutes, and few deliveries lose their jobs. */
const REST_MS = 60_000;

/** @throws HoldfastError QUEUE_UNREACHABLE */
export async function startTelling(
  foundation: Pick<Foundation, "ledger" | "queue" | "notify" | "log">,
): Promise<{ close(): Promise<void> }> {
  const { ledger, queue, log } = foundation;
  const { deliveries } = queue;
  await using opened = new AsyncDisposableStack();
  const worker = await deliveries.startWorker(deliveryHandler(foundation));
  opened.defer(() => worker.close());
  const noticing = { ...foundation, deliveries };
  const runs = startLooking(
    () => considerEndedRuns(noticing, new Date()),
    ENDED_RUNS_MS,
    (error) => log.warn({ err: error }, "ended runs could not be considered"),
  );
  opened.defer(() => runs.close());
  const rest = startLooking(
    async () => {
      await considerSchedules(noticing, new Date());
      for (const id of await listPendingDeliveries(ledger)) await deliveries.enqueue(id);
      await forgetOldDeliveries(ledger);
    },
    REST_MS,
    (error) => log.warn({ err: error }, "schedules and deliveries could not be looked after"),
  );
  opened.defer(() => rest.close());
  const closing = opened.move();
  return { close: () => closing.disposeAsync() };
}
