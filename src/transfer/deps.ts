// What it takes to back up and restore while a client waits for it: the whole way is in this process's hands.
import type { Logger } from "pino";
import type { Catalog } from "../core/catalog.ts";
import type { Signer } from "../codec/signature.ts";
import type { Ledger } from "../ledger/connect.ts";
import type { StoreInfo } from "../runs/deps.ts";
import type { Store } from "../store/store.ts";

export interface TransferDeps {
  /** For the audit log, and for what is known of stored backups. */
  readonly ledger: Ledger;
  readonly catalog: Catalog;
  /** By name. */
  readonly artifactStores: ReadonlyMap<string, Store>;
  /** The URL of a database of the catalog, by name. */
  readonly databaseUrl: (name: string) => string;
  /** That one backup or restore works with at the same time; left out: by the machine's cores. */
  readonly connections?: number | undefined;
  /** Signs the backups of this installation. */
  readonly signer: Signer;
  readonly log: Logger;
}

/** What it takes to act on backups that are kept. */
export interface KeepingDeps extends Pick<
  TransferDeps,
  "ledger" | "catalog" | "artifactStores" | "signer" | "log"
> {
  readonly stores: readonly StoreInfo[];
}
