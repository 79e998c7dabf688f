// A queue for a command that works on the database itself: nothing is queued. What is started is carried out in this process,
// and no run that another process has left is touched.
import { setTimeout as delay } from "node:timers/promises";
import type { RunKind } from "../../core/run.ts";
import type { RunHandler } from "../../queue/worker.ts";
import type { DeliveryHandler } from "../../queue/deliveries.ts";
import type { RunQueue } from "../../queue/queue.ts";

export interface DirectQueue extends RunQueue {
  /** To be called before anything is queued. */
  serve(handlers: Readonly<Record<RunKind, RunHandler>>, deliver: DeliveryHandler): void;
}

/** @param onFailure told of what was not carried out, for nobody waits for it */
export function createDirectQueue(onFailure: (error: unknown) => void): DirectQueue {
  const ending = new AbortController();
  const underWay = new Map<string, Promise<void>>();
  let handlers: Readonly<Partial<Record<RunKind, RunHandler>>> = {};
  let deliver: DeliveryHandler = async () => undefined;

  const begin = (id: string, act: () => Promise<void>): void => {
    if (underWay.has(id)) return;
    underWay.set(
      id,
      act()
        .catch(onFailure)
        .finally(() => underWay.delete(id)),
    );
  };
  const carry = async (kind: RunKind, runId: string): Promise<void> => {
    while (!ending.signal.aborted) {
      const verdict = await handlers[kind]?.(runId, ending.signal);
      if (verdict === undefined || verdict === "done") return;
      await delay(verdict.againAfterMs, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  };
  const send = async (id: string): Promise<void> => begin(id, () => deliver(id, false));
  const nothing = { close: async () => undefined };

  return {
    serve(givenHandlers, givenDeliver) {
      handlers = givenHandlers;
      deliver = givenDeliver;
    },
    enqueue: async (kind, runId) => begin(runId, () => carry(kind, runId)),
    has: async (runId) => underWay.has(runId),
    remove: async () => undefined,
    counts: async () => ({ waiting: 0, active: underWay.size, delayed: 0 }),
    startWorker: async () => nothing,
    // Servers see to it within seconds that ticks come as the ledger's schedules ask for them.
    ticks: { arrange: async () => undefined, startWorker: async () => nothing, ...nothing },
    // Whoever works alone shares nothing.
    pieces: {
      enqueue: async () => undefined,
      startWorker: async () => ({ pause: nothing.close, resume: nothing.close, ...nothing }),
      ...nothing,
    },
    deliveries: { enqueue: send, hasten: send, startWorker: async () => nothing, ...nothing },
    async close() {
      ending.abort(new Error("the command ends"));
      await Promise.all(underWay.values());
    },
  };
}
