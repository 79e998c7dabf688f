// A worker's signs of life, and how far its run is: written to the ledger, at least every second and at most twice in one; a new phase
// at once. Each change is written, announced, read again, and told to whoever watches (docs/performance.md says what that takes).
import type { Logger } from "pino";
import type { Phase, Progress } from "../src/core/run.ts";
import { createThrottle } from "../src/core/throttle.ts";
import { beat, writeProgress } from "../src/ledger/attempts.ts";
import type { Ledger } from "../src/ledger/connect.ts";
import type { Lease } from "../src/ledger/lease.ts";

const WRITE_INTERVAL_MS = 500;
const PHASE_INTERVAL_MS = 100;
const BEAT_INTERVAL_MS = 1_000;

export interface Reporter {
  /** May be called as often as one likes. */
  readonly report: (progress: Progress) => void;
  /**
   * Writes nothing any more.
   * @returns what was reported last, if that is not written yet: it goes with the attempt's ending
   */
  close(): Promise<Progress | undefined>;
}

export interface ReporterEvents {
  /** The ledger says that the run is to be cancelled. May be called again. */
  readonly onCancelRequested: () => void;
  /** The ledger says that the run is no longer this lease's. May be called again. */
  readonly onLost: () => void;
  readonly log: Logger;
}

export function startReporter(ledger: Ledger, lease: Lease, events: ReporterEvents): Reporter {
  let latest: Progress | undefined;
  let phase: Phase | undefined;
  const write = async (): Promise<void> => {
    const progress = latest;
    latest = undefined;
    try {
      const standing = await (progress === undefined
        ? beat(ledger, lease)
        : writeProgress(ledger, lease, progress));
      if (standing === undefined) events.onLost();
      else if (standing.cancelRequested) events.onCancelRequested();
    } catch (error) {
      // Unless something newer came meanwhile, it is written with the next sign of life.
      latest ??= progress;
      throw error;
    }
  };
  const writing = createThrottle(write, WRITE_INTERVAL_MS, (error) =>
    events.log.warn({ err: error }, "the ledger could not be told how far the run is"),
  );
  const beating = setInterval(() => writing.request(), BEAT_INTERVAL_MS);

  return {
    report(progress) {
      latest = progress;
      writing.request(progress.phase === phase ? WRITE_INTERVAL_MS : PHASE_INTERVAL_MS);
      phase = progress.phase;
    },
    async close() {
      clearInterval(beating);
      await writing.stop();
      return latest;
    },
  };
}
