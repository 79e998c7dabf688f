// The workers of other processes, and this one among them: it shows itself, takes up pieces of their runs, and offers pieces of its
// own. The ledger says what there is to be had; the queue brings it to whoever has room.
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { startLooking } from "../src/core/looking.ts";
import { PIECES_CHANNEL } from "../src/ledger/pieces.ts";
import { countPlaces, endPresence, showPresence } from "../src/ledger/workers.ts";
import type { CompanyDeps } from "./deps.ts";
import { openOffers } from "./offers.ts";
import { pieceHandler } from "./piece.ts";
import type { Company, CompanyOptions } from "./sharing.ts";

const PRESENCE_MS = 2_000;
const SAFETY_MS = 1_000;

/** @throws HoldfastError QUEUE_UNREACHABLE; what the driver throws where the ledger cannot be reached */
export async function joinCompany(deps: CompanyDeps, options: CompanyOptions): Promise<Company> {
  const { ledger, queue, log } = deps;
  const id = randomUUID();
  const name = `${hostname()}/${process.pid}`;
  await using opened = new AsyncDisposableStack();

  // Who is told of changes of a run's pieces, and looks every second anyway.
  const listeners = new Map<string, Set<() => void>>();
  const tell = (runId: string): void => listeners.get(runId)?.forEach((listener) => listener());
  const tellAll = (): void => listeners.keys().forEach(tell);
  const listening = await ledger.sql.listen(PIECES_CHANNEL, tell, tellAll);
  opened.defer(() => listening.unlisten());
  const safety = setInterval(tellAll, SAFETY_MS);
  opened.defer(() => clearInterval(safety));
  const watch = (runId: string, listener: () => void): (() => void) => {
    const own = listeners.get(runId) ?? new Set();
    listeners.set(runId, own.add(listener));
    return () => {
      own.delete(listener);
      if (own.size === 0 && listeners.get(runId) === own) listeners.delete(runId);
    };
  };

  const presence = { id, name, stores: [...deps.stores.keys()], places: options.places };
  opened.defer(() => endPresence(ledger, id).catch(() => undefined));
  const showing = startLooking(
    () => showPresence(ledger, presence),
    PRESENCE_MS,
    (error) => log.warn({ err: error }, "the worker could not show that it is there"),
  );
  opened.defer(() => showing.close());
  const own = new Set<string>();
  const worker = await queue.pieces.startWorker(
    pieceHandler({ ...deps, name, watch, isOwn: (runId) => own.has(runId) }),
    { concurrency: options.places },
  );
  opened.defer(() => worker.close());

  const closing = opened.move();
  return {
    peersOf(attempt) {
      const { lease } = attempt;
      return openOffers(
        { ...deps, ...attempt, watch },
        {
          ...options,
          countPlaces: () => countPlaces(ledger, id, attempt.stores()),
          // Whoever shares his run has no room for those of others, and is not to be brought his own.
          async begin() {
            own.add(lease.runId);
            await worker.pause();
          },
          async end() {
            own.delete(lease.runId);
            await worker.resume();
          },
        },
      );
    },
    close: () => closing.disposeAsync(),
  };
}
