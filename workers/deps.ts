// What workers are given to work with. Whoever makes these closes them, after the workers.
import type { Logger } from "pino";
import type { SecretKey } from "../src/codec/seal.ts";
import type { Signer } from "../src/codec/signature.ts";
import type { Catalog } from "../src/core/catalog.ts";
import type { Ledger } from "../src/ledger/connect.ts";
import type { RunWatcher } from "../src/ledger/watch.ts";
import type { RunQueue } from "../src/queue/queue.ts";
import type { Store } from "../src/store/store.ts";

export interface WorkerDeps {
  readonly ledger: Ledger;
  readonly queue: RunQueue;
  readonly watcher: RunWatcher;
  readonly catalog: Catalog;
  /** By name. */
  readonly stores: ReadonlyMap<string, Store>;
  /** The URL of a database of the catalog, by name. */
  readonly databaseUrl: (name: string) => string;
  /** Opens what was sealed for a run. */
  readonly secretKey: SecretKey;
  /** Signs the backups of this installation. */
  readonly signer: Signer;
  /** The identity that opens backups for drills that nobody attends, and where it is kept; left out: there is none. */
  readonly drillIdentityFile?: string | undefined;
  /** Called after each backup of a schedule; left out: everything stays. */
  readonly applyRetention?: ((scheduleId: string) => Promise<void>) | undefined;
  readonly log: Logger;
}
