// The pieces of one attempt at a run, as the worker that has claimed it offers them, and hears what becomes of them.
import { setTimeout as delay } from "node:timers/promises";
import { sealSecret } from "../src/codec/seal.ts";
import { HoldfastError } from "../src/core/errors.ts";
import { createThrottle } from "../src/core/throttle.ts";
import type { Offer, PieceProgress, Settlement } from "../src/engine/peers.ts";
import {
  endPieces,
  entrustSecret,
  offerPiece,
  readPieces,
  retractPiece,
  type PieceRow,
} from "../src/ledger/pieces.ts";
import type { CompanyDeps } from "./deps.ts";
import type { Attempted, CompanyOptions, RunPeers } from "./sharing.ts";

type OffersDeps = Pick<CompanyDeps, "ledger" | "queue" | "secretKey"> &
  Attempted & { readonly watch: (runId: string, listener: () => void) => () => void };

interface OffersOptions extends CompanyOptions {
  readonly countPlaces: () => Promise<number>;
  /** Called before the first offer, and after the last if there was one. */
  readonly begin: () => Promise<void>;
  readonly end: () => Promise<void>;
}

interface Out {
  readonly onProgress: (progress: PieceProgress) => void;
  readonly settle: (settlement: Settlement) => void;
}

/** Workers beat every second. */
const SILENT_MS = 5_000;
/** At most so often the ledger is read, whatever is announced. */
const READ_MS = 50;
/** Between two tries to take back a piece while the ledger does not answer. */
const RETRY_MS = 500;

export function openOffers(deps: OffersDeps, options: OffersOptions): RunPeers {
  const { ledger, queue, lease, log, signal, watch } = deps;
  const out = new Map<number, Out>();
  let offered = 0;
  let beginning: Promise<void> | undefined;
  let unwatch: () => void = () => undefined;

  const settle = (number: number, settlement: Settlement): void => {
    const piece = out.get(number);
    out.delete(number);
    piece?.settle(settlement);
  };
  const hear = (number: number, row: PieceRow | undefined): void => {
    const { onProgress } = out.get(number) ?? {};
    if (row?.status === "OPEN") return;
    if (row?.status === "TAKEN" || row?.status === "DONE") onProgress?.({ rows: row.rows, bytes: row.bytes });
    if (row?.status === "TAKEN") return;
    if (row?.status === "DONE") {
      settle(number, { done: true, result: row.result });
      return;
    }
    const reason = row?.reason ?? "It is gone from the ledger.";
    log.warn({ piece: number, worker: row?.worker, reason }, "a piece has come back");
    settle(number, { done: false, reason });
  };
  const read = async (): Promise<void> => {
    const numbers = [...out.keys()];
    if (numbers.length === 0) return;
    const rows = await readPieces(ledger, lease, numbers, SILENT_MS);
    const found = new Map(rows.map((row) => [row.number, row]));
    for (const number of numbers) if (out.has(number)) hear(number, found.get(number));
  };
  const reading = createThrottle(read, READ_MS, (error) =>
    log.warn({ err: error }, "what became of pieces could not be read"),
  );
  const begin = async (): Promise<void> => {
    unwatch = watch(lease.runId, () => reading.request());
    await options.begin();
    log.info("other workers are offered pieces of the run");
  };

  const offer = async (number: number, onProgress: Out["onProgress"]): Promise<Offer> => {
    const { promise: settled, resolve } = Promise.withResolvers<Settlement>();
    out.set(number, { onProgress, settle: resolve });
    return {
      settled,
      async retract() {
        for (;;) {
          try {
            if (!out.has(number)) return false;
            const retracted = await retractPiece(ledger, { ...lease, number });
            if (retracted) out.delete(number);
            return retracted;
          } catch (error) {
            log.warn({ err: error, piece: number }, "a piece could not be taken back yet");
            await delay(RETRY_MS, undefined, { signal }).catch(() => signal.throwIfAborted());
          }
        }
      },
    };
  };

  const end = async (): Promise<void> => {
    if (offered === 0) return;
    await endPieces(ledger, lease).catch((error: unknown) =>
      // They find out by themselves that the attempt is over.
      log.warn({ err: error }, "the other workers could not be told that the attempt is over"),
    );
  };
  const stop = (): void => void end();
  signal.addEventListener("abort", stop, { once: true });

  return {
    peers: {
      fromBytes: options.fromBytes,
      pieceBytes: options.pieceBytes,
      room: () => options.countPlaces(),
      async entrust(secret) {
        await entrustSecret(ledger, lease, sealSecret(deps.secretKey, lease.runId, secret));
      },
      async offer(piece, onProgress) {
        await (beginning ??= begin());
        signal.throwIfAborted();
        offered += 1;
        const number = offered;
        const { stores } = piece;
        if (!(await offerPiece(ledger, lease, { number, task: piece, stores })))
          throw new HoldfastError("SUPERSEDED", "Another worker has taken the run over.");
        const made = await offer(number, onProgress);
        try {
          await queue.pieces.enqueue({ ...lease, number });
        } catch (error) {
          log.warn({ err: error, piece: number }, "a piece could not be queued");
          // Nobody has heard of it.
          if (await made.retract()) throw error;
        }
        return made;
      },
    },
    get hasShared() {
      return offered > 0;
    },
    async close() {
      signal.removeEventListener("abort", stop);
      unwatch();
      out.clear();
      await reading.stop();
      await end();
      if (beginning !== undefined) await options.end();
    },
  };
}
