// A piece of another worker's run, from the job that names it to what the ledger is told of it.
import { openSecret } from "../src/codec/seal.ts";
import { HoldfastError } from "../src/core/errors.ts";
import { createThrottle } from "../src/core/throttle.ts";
import { helpCopy } from "../src/engine/help-copy.ts";
import { helpLoad } from "../src/engine/help-load.ts";
import { parsePiece, type PieceControl, type PieceProgress, type PieceWork } from "../src/engine/peers.ts";
import { beatPiece, settlePiece, takePiece, type PieceClaim } from "../src/ledger/pieces.ts";
import type { PieceHandler } from "../src/queue/pieces.ts";
import type { CompanyDeps } from "./deps.ts";

interface PieceWorkerDeps extends CompanyDeps {
  /** What this worker is called. */
  readonly name: string;
  /** Whether the run is this process's own. */
  readonly isOwn: (runId: string) => boolean;
  /** Calls back when something has become of the run's pieces, and every second. */
  readonly watch: (runId: string, listener: () => void) => () => void;
}

const BEAT_MS = 900;
const CALL_MS = 50;

export function pieceHandler(deps: PieceWorkerDeps): PieceHandler {
  const { ledger, name } = deps;
  const stores = [...deps.stores.keys()];

  return async (key, shutdown) => {
    if (deps.isOwn(key.runId)) return "for others";
    const claim = await takePiece(ledger, key, { name, stores });
    if (claim.state === "for others") return "for others";
    if (claim.state === "gone") return "done";
    const log = deps.log.child({ runId: key.runId, attempt: key.attempt, piece: key.number });
    log.debug("piece taken up");

    const stop = new AbortController();
    const giveBack = (): void =>
      stop.abort(new HoldfastError("SHUTTING_DOWN", "The worker is shutting down."));
    shutdown.addEventListener("abort", giveBack, { once: true });
    if (shutdown.aborted) giveBack();
    let progress: PieceProgress = { rows: 0, bytes: 0 };
    const beat = async (): Promise<void> => {
      if (!(await beatPiece(ledger, key, progress)))
        stop.abort(new HoldfastError("SUPERSEDED", "The piece is no longer wanted."));
    };
    const beating = createThrottle(beat, CALL_MS, (error) =>
      log.warn({ err: error }, "the ledger could not be told how far the piece is"),
    );
    const timer = setInterval(() => beating.request(), BEAT_MS);
    const unwatch = deps.watch(key.runId, () => beating.request());
    const end = async (): Promise<void> => {
      clearInterval(timer);
      unwatch();
      shutdown.removeEventListener("abort", giveBack);
      await beating.stop();
    };

    const control: PieceControl = {
      signal: stop.signal,
      onProgress: (now) => void (progress = now),
    };
    try {
      const { result, retract } = await work(deps, key.runId, claim, control);
      await end();
      if (await settlePiece(ledger, key, { status: "DONE", result, ...progress })) log.debug("piece done");
      else {
        log.warn("the piece was no longer wanted when it was done");
        await retract();
      }
    } catch (error) {
      await end();
      const reason: unknown = stop.signal.aborted ? stop.signal.reason : error;
      log.warn({ err: reason }, "the piece is given back");
      const said = reason instanceof HoldfastError ? `${reason.code}: ${reason.message}` : "It has failed.";
      await settlePiece(ledger, key, { status: "RETURNED", reason: said });
    }
    return "done";
  };
}

async function work(
  deps: PieceWorkerDeps,
  runId: string,
  { task, sealedSecret }: Extract<PieceClaim, { state: "taken" }>,
  control: PieceControl,
): Promise<PieceWork> {
  const piece = parsePiece(task);
  if (piece.kind === "COPY") return helpCopy(deps, piece, control);
  const identity = sealedSecret === null ? undefined : openSecret(deps.secretKey, runId, sealedSecret);
  return helpLoad(deps, piece, identity, control);
}
