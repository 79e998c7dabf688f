// What it takes to start, see and cancel runs for a caller, whichever way the caller came in.
import type { Logger } from "pino";
import type { SecretKey } from "../codec/seal.ts";
import type { Signer } from "../codec/signature.ts";
import type { Catalog } from "../core/catalog.ts";
import type { Ledger } from "../ledger/connect.ts";
import type { RunQueue } from "../queue/queue.ts";

/** A configured store as clients see it. */
export interface StoreInfo {
  readonly name: string;
  /** "fs", "sftp", "s3" */
  readonly kind: string;
  /** Whether a backup that names no stores goes here. */
  readonly isDefault: boolean;
  /** Left out: it cannot be asked here how it fares. */
  readonly access?: StoreAccess | undefined;
}

export interface StoreAccess {
  /** A directory or a URL, without secrets. */
  readonly place: string;
  /** Resolves if the store answers. @throws HoldfastError STORE_FAILED; the signal's reason */
  readonly look: (signal: AbortSignal) => Promise<void>;
  /** Resolves if the store can do all that a backup needs. @throws HoldfastError STORE_FAILED; the signal's reason */
  readonly probe: (signal: AbortSignal) => Promise<void>;
}

export interface RunDeps {
  readonly ledger: Ledger;
  readonly queue: RunQueue;
  readonly catalog: Catalog;
  readonly stores: readonly StoreInfo[];
  /** Seals the passphrase or identity that a run needs. */
  readonly secretKey: SecretKey;
  /** Signs the backups of this installation. */
  readonly signer: Signer;
  /**
   * Deletes from the stores what the ledger says is deleted, as far as they can be reached now; left out: whoever looks
   * after that does so a little later.
   */
  readonly carryOutDeletions?: (() => Promise<void>) | undefined;
  readonly log: Logger;
}
