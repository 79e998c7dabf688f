// Notes down what backups are that were made here by versions which did not: from then on nobody can put another in the place of one.
import { isHoldfastError } from "../core/errors.ts";
import { startLooking, type Looking } from "../core/looking.ts";
import { findCopies } from "../engine/artifact-copies.ts";
import { readIndex } from "../engine/artifact-reader.ts";
import { findUnpinned, pinArtifact } from "../ledger/kept.ts";
import type { Ledger } from "../ledger/connect.ts";
import type { Store } from "../store/store.ts";
import type { Logger } from "pino";

export interface PinningDeps {
  readonly ledger: Ledger;
  /** By name. */
  readonly stores: ReadonlyMap<string, Store>;
  readonly log: Logger;
}

const INTERVAL_MS = 600_000;
/** That are looked at in one go; the rest is left for the next. */
const COUNT = 1_000;

/** @returns how many are known now. What cannot be read stays as it is, and is looked at again. */
export async function pinArtifacts({ ledger, stores, log }: PinningDeps, stop: AbortSignal): Promise<number> {
  let pinned = 0;
  for (const { id, encryption, stores: names } of await findUnpinned(ledger, COUNT)) {
    if (stop.aborted) break;
    try {
      const { source } = await findCopies(stores, names, id, { encryption, signal: stop });
      await pinArtifact(ledger, id, await readIndex(source, stop));
      pinned += 1;
    } catch (error) {
      if (stop.aborted) break;
      if (!isHoldfastError(error)) throw error;
      log.warn(
        { err: error, artifact: id },
        "what a backup of an earlier version is could not be noted down",
      );
    }
  }
  return pinned;
}

/** Looks at once, and now and then. */
export function startPinning(deps: PinningDeps): Looking {
  const stop = new AbortController();
  const looking = startLooking(
    async () => void (await pinArtifacts(deps, stop.signal)),
    INTERVAL_MS,
    (error) => deps.log.warn({ err: error }, "backups of earlier versions could not be looked for"),
  );
  return {
    async close() {
      stop.abort();
      await looking.close();
    },
  };
}
