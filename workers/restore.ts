// Restores, and previews of them: the chosen entities of a backup's artifact, put back into their database.
import type { Catalog } from "../src/core/catalog.ts";
import { HoldfastError } from "../src/core/errors.ts";
import { forgetRestore, restore } from "../src/engine/restore.ts";
import { findArtifact } from "../src/ledger/artifacts.ts";
import { sourceFrom } from "../src/engine/artifact-copies.ts";
import type { WorkerDeps } from "./deps.ts";
import { processRun, type RunProcessor } from "./process-run.ts";

/** What is left is small, and whoever holds its locks is gone or about to go. */
const DISCARD_TIMEOUT_MS = 30_000;

export function restoreHandler(deps: WorkerDeps): RunProcessor {
  const { databaseUrl, catalog } = deps;
  return processRun(deps, "RESTORE", {
    async act({ run, number, secret, note, log, control }) {
      const { backupId, mode, rows, dryRun, expectPlan } = run.request;
      const artifact = await findArtifact(deps.ledger, backupId);
      if (artifact === undefined) throw new HoldfastError("NOT_FOUND", "The backup is not there any more.");
      const { id, encryption, stores } = artifact;
      // An earlier attempt's work is not deleted: this one finds out from it whether the restore was applied.
      await note(run.id);
      const source = await sourceFrom(deps.stores, stores, id, {
        signal: control.signal,
        encryption,
        onFailure: (store, error) =>
          log.warn({ err: error, store }, "the backup could not be read from a store"),
      });
      const outcome = await restore(
        { databaseUrl, catalog, source },
        {
          runId: run.id,
          attempt: number,
          entities: run.entities,
          rows,
          mode,
          dryRun,
          expectPlan: expectPlan ?? undefined,
          unlock: encryption === "RECIPIENTS" ? { identity: secret() } : { passphrase: secret() },
          expected: { id, encryption },
        },
        control,
      );
      return { outcome };
    },
    async discard(run) {
      const signal = AbortSignal.timeout(DISCARD_TIMEOUT_MS);
      for (const database of databasesOf(catalog, run.entities))
        await forgetRestore({ databaseUrl }, { runId: run.id, database }, signal);
    },
  });
}

/** Each once; of entities that the catalog has no more nothing is known. */
function databasesOf(catalog: Catalog, entities: readonly string[]): string[] {
  return [...new Set(entities.flatMap((name) => catalog.entities.get(name)?.database ?? []))];
}
