// Tells people what the configuration says that they want to be told: finds what is new, and sees that it is delivered.
import { deliveryHandler } from "../../workers/delivery.ts";
import { startLooking } from "../core/looking.ts";
import { forgetOldDeliveries, listPendingDeliveries } from "../ledger/notices.ts";
import { lookForNews } from "../runs/notices.ts";
import type { Foundation } from "./foundation.ts";

const NEWS_MS = 5_000;
/** Deliveries whose jobs a queue has lost get new ones. */
const PENDING_MS = 60_000;

/** @throws HoldfastError QUEUE_UNREACHABLE */
export async function startTelling(
  foundation: Pick<Foundation, "ledger" | "queue" | "notify" | "log">,
): Promise<{ close(): Promise<void> }> {
  const { ledger, queue, log } = foundation;
  const { deliveries } = queue;
  await using opened = new AsyncDisposableStack();
  const worker = await deliveries.startWorker(deliveryHandler(foundation));
  opened.defer(() => worker.close());
  const looking = startLooking(
    () => lookForNews({ ...foundation, deliveries }, new Date()),
    NEWS_MS,
    (error) => log.warn({ err: error }, "news could not be looked for"),
  );
  opened.defer(() => looking.close());
  const pending = startLooking(
    async () => {
      for (const id of await listPendingDeliveries(ledger)) await deliveries.enqueue(id);
      await forgetOldDeliveries(ledger);
    },
    PENDING_MS,
    (error) => log.warn({ err: error }, "deliveries could not be looked after"),
  );
  opened.defer(() => pending.close());
  const closing = opened.move();
  return { close: () => closing.disposeAsync() };
}
