// Deliveries: a notice, sent over the way that the configuration names.
import type { Logger } from "pino";
import type { NotifyDeclaration } from "../src/core/notify-declaration.ts";
import type { Ledger } from "../src/ledger/connect.ts";
import { findPendingDelivery, recordDelivered, recordUndelivered } from "../src/ledger/deliveries.ts";
import { deliver } from "../src/notify/deliver.ts";
import type { DeliveryHandler } from "../src/queue/deliveries.ts";

export interface DeliveryDeps {
  readonly ledger: Ledger;
  readonly notify: readonly NotifyDeclaration[];
  readonly log: Logger;
}

export function deliveryHandler({ ledger, notify, log }: DeliveryDeps): DeliveryHandler {
  return async (deliveryId, isLastAttempt) => {
    const delivery = await findPendingDelivery(ledger, deliveryId);
    if (delivery === undefined) return;
    const { id, target: name, event, payload: notice } = delivery;
    const target = notify.find((candidate) => candidate.name === name);
    if (target === undefined) {
      await recordUndelivered(ledger, id, `${name} is configured no more.`, true);
      return;
    }
    try {
      await deliver(target, { id, notice });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      log.warn(
        { delivery: id, target: name, event, isLastAttempt },
        `a notice was not delivered: ${message}`,
      );
      await recordUndelivered(ledger, id, message, isLastAttempt);
      if (isLastAttempt) return;
      throw error;
    }
    await recordDelivered(ledger, id);
  };
}
