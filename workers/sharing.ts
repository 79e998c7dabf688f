// What a run's worker is given of the other processes that work.
import type { Logger } from "pino";
import type { Peers } from "../src/engine/peers.ts";
import type { Lease } from "../src/ledger/lease.ts";

export interface CompanyOptions {
  /** How many pieces of others' runs this process works on at the same time. */
  readonly places: number;
  /** From how much work on a run is shared. */
  readonly fromBytes: number;
  /** The size of a piece; left out: as the act sees fit. */
  readonly pieceBytes?: number | undefined;
}

export interface Attempted {
  readonly lease: Lease;
  /** That whoever helps has to have. */
  readonly stores: () => readonly string[];
  /** Of the attempt. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export interface Company {
  /** Those who may take pieces of a run up. To be closed at the end of the attempt. */
  peersOf(attempt: Attempted): RunPeers;
  /** Gives back what is under way, and is gone. */
  close(): Promise<void>;
}

export interface Sharing extends AsyncDisposable {
  /** undefined: there is nobody to share with. */
  readonly peers: Peers | undefined;
  readonly hasShared: boolean;
}

/** Without company nothing is shared. To be disposed of at the end of the attempt. */
export function shareRun(company: Company | undefined, attempt: Attempted): Sharing {
  const shared = company?.peersOf(attempt);
  return {
    peers: shared?.peers,
    get hasShared() {
      return shared?.hasShared ?? false;
    },
    [Symbol.asyncDispose]: async () => shared?.close(),
  };
}

export interface RunPeers {
  readonly peers: Peers;
  /** Whether anything was offered: others may have written what this process knows nothing of. */
  readonly hasShared: boolean;
  /** Takes everything back that is still out; whoever works on it is told to stop. Never rejects. */
  close(): Promise<void>;
}
