// Deletes from the stores what the ledger says is deleted: at once when it is asked for, and again until it is done.
import { deleteFrom } from "../src/engine/artifact-stores.ts";
import { startLooking, type Looking } from "../src/core/looking.ts";
import { findDeletions, recordDeleted, type Deletion } from "../src/ledger/deletions.ts";
import type { WorkerDeps } from "./deps.ts";

const INTERVAL_MS = 5_000;

export type DeletionDeps = Pick<WorkerDeps, "ledger" | "stores" | "log">;

/**
 * Carries out what deletions the ledger has, in every store the index first. What cannot be deleted yet, because a store
 * is out of reach, stays noted; the other stores do not wait for it. Any number of processes may do so at once.
 */
export async function carryOutDeletions(deps: DeletionDeps): Promise<void> {
  const { ledger, log } = deps;
  // A store that has just not answered is not asked again for every artifact.
  const unreachable = new Set<string>();
  for (const deletion of await findDeletions(ledger)) {
    if (!(await deleteEverywhere(deps, deletion, unreachable))) continue;
    await recordDeleted(ledger, deletion.artifactId);
    log.info(
      { backup: deletion.backupId, artifact: deletion.artifactId },
      "a deleted backup is gone from its stores",
    );
  }
}

async function deleteEverywhere(
  { stores, log }: DeletionDeps,
  { artifactId, backupId, stores: names }: Deletion,
  unreachable: Set<string>,
): Promise<boolean> {
  for (const name of names) {
    if (unreachable.has(name)) continue;
    try {
      await deleteFrom(stores, [name], artifactId);
    } catch (error) {
      unreachable.add(name);
      log.warn({ err: error, backup: backupId, store: name }, "a deleted backup is still in a store");
    }
  }
  return names.every((name) => !unreachable.has(name));
}

/** To be started in every process that has the stores. */
export function startDeleting(deps: DeletionDeps): Looking {
  return startLooking(
    () => carryOutDeletions(deps),
    INTERVAL_MS,
    (error) => deps.log.warn({ err: error }, "deletions could not be looked for"),
  );
}
