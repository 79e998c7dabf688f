// Deletes what backups have left in stores that did not take them, once these can be reached again.
import { startLooking, type Looking } from "../src/core/looking.ts";
import { deleteFrom } from "../src/engine/artifact-stores.ts";
import { findStoreRemains, forgetStoreRemains } from "../src/ledger/failed-stores.ts";
import type { DeletionDeps } from "./deletions.ts";

const INTERVAL_MS = 60_000;

/** Any number of processes may do so at once. */
export async function tidyFailedStores({ ledger, stores, log }: DeletionDeps): Promise<void> {
  // A store that has just not answered is not asked again for every backup.
  const unreachable = new Set<string>();
  for (const remains of await findStoreRemains(ledger)) {
    const { store, artifactId, backupId } = remains;
    if (unreachable.has(store)) continue;
    try {
      await deleteFrom(stores, [store], artifactId);
    } catch (error) {
      unreachable.add(store);
      log.warn({ err: error, backup: backupId, store }, "a store still has what a failed backup left in it");
      continue;
    }
    await forgetStoreRemains(ledger, remains);
    log.info({ backup: backupId, store }, "what a failed backup left in a store is gone");
  }
}

/** To be started in every process that has the stores. */
export function startTidyingStores(deps: DeletionDeps): Looking {
  return startLooking(
    () => tidyFailedStores(deps),
    INTERVAL_MS,
    (error) => deps.log.warn({ err: error }, "what failed backups left could not be looked for"),
  );
}
