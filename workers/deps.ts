// What workers are given to work with. Whoever makes these closes them, after the workers.
import type { Logger } from "pino";
import type { SecretKey } from "../src/codec/seal.ts";
import type { Signer } from "../src/codec/signature.ts";
import type { Catalog } from "../src/core/catalog.ts";
import type { LockOutReason } from "../src/core/lock-out.ts";
import type { Ledger } from "../src/ledger/connect.ts";
import type { RestoreRun } from "../src/ledger/run-row.ts";
import type { Foresight } from "../src/postgres/foresight.ts";
import type { RunWatcher } from "../src/ledger/watch.ts";
import type { RunQueue } from "../src/queue/queue.ts";
import type { Attempt } from "./attempt.ts";
import type { Refutation, Success } from "./outcome.ts";
import type { Store } from "../src/store/store.ts";
import type { Company } from "./sharing.ts";

/** Does a run's work, or throws why it may not be done. */
export type Guard = <T extends Success | Refutation>(attempt: Attempt, act: () => Promise<T>) => Promise<T>;

/** @param found told in what ways the run's requester would be locked out; may throw, and nothing is changed then */
export type ForeseeLockOut = (
  run: RestoreRun,
  found: (reasons: readonly LockOutReason[]) => void,
) => Foresight | undefined;

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
  /** What is asked before a restore is applied, and what to tell of the answer; left out: nothing. */
  readonly foreseeLockOut?: ForeseeLockOut | undefined;
  /** Stands before the work of every run; left out: whatever was asked for is done. */
  readonly guard?: Guard | undefined;
  /** The other processes that work, for runs that are worth being shared; left out: there are none. */
  readonly company?: Company | undefined;
  /** Connections that copy or load at the same time, for each database; left out: by the machine's cores. */
  readonly connections?: number | undefined;
  readonly log: Logger;
}

/** What it takes to carry runs; their acts take more. */
export type CarriageDeps = Pick<WorkerDeps, "ledger" | "watcher" | "secretKey" | "guard" | "log">;

/** What working on pieces of others' runs takes. */
export type CompanyDeps = Pick<
  WorkerDeps,
  "ledger" | "queue" | "stores" | "databaseUrl" | "secretKey" | "log"
>;
