// Restores, and previews of them: the chosen entities of a backup's artifact, put back into their database.
import type { Catalog } from "../src/core/catalog.ts";
import { HoldfastError, isHoldfastError } from "../src/core/errors.ts";
import { conflictsOf } from "../src/engine/restore-conflicts.ts";
import { findApplied } from "../src/engine/restore-outcome.ts";
import { forgetRestore, restore } from "../src/engine/restore.ts";
import { judgeSignature, requireVouched } from "../src/core/authenticity.ts";
import { refuseLockOut, type LockOutReason } from "../src/core/lock-out.ts";
import type { ArtifactSignature } from "../src/core/run.ts";
import type { ArtifactReader } from "../src/engine/artifact-reader.ts";
import { findArtifact, type Artifact } from "../src/ledger/artifacts.ts";
import { pinArtifact } from "../src/ledger/kept.ts";
import { readTrust } from "../src/ledger/trusted-keys.ts";
import { noteNothing } from "../src/ledger/remains.ts";
import { findRun } from "../src/ledger/runs.ts";
import { sourceFrom } from "../src/engine/artifact-copies.ts";
import type { WorkerDeps } from "./deps.ts";
import { processRun, type RunProcessor } from "./process-run.ts";
import { shareRun } from "./sharing.ts";

/** What is left is small, and whoever holds its locks is gone or about to go. */
const DISCARD_TIMEOUT_MS = 30_000;

const ASK_TIMEOUT_MS = 30_000;

export function restoreHandler(deps: WorkerDeps): RunProcessor {
  const { databaseUrl, catalog } = deps;
  return processRun(deps, "RESTORE", {
    async act({ run, number, secret, note, log, control }) {
      const { backupId, mode, rows, dryRun, sampleRows, expectPlan } = run.request;
      const artifact = await findArtifact(deps.ledger, backupId);
      if (artifact === undefined) throw new HoldfastError("NOT_FOUND", "The backup is not there any more.");
      const { id, encryption, stores } = artifact;
      // An earlier attempt's work is not deleted: this one finds out from it whether the restore was applied.
      const isFirst = run.unfinishedId === null;
      await note(run.id);
      const manifestSha256 = artifact.manifestSha256 ?? undefined;
      let signature: ArtifactSignature | undefined;
      let lockOut: readonly LockOutReason[] = [];
      const foresight = deps.foreseeLockOut?.(run, (reasons) => {
        lockOut = reasons;
        if (!dryRun && run.request.confirmLockOut !== true) refuseLockOut(run.requestedBy ?? "", reasons);
      });
      const source = await sourceFrom(deps.stores, stores, id, {
        signal: control.signal,
        encryption,
        manifestSha256,
        onFailure: (store, error) =>
          log.warn({ err: error, store }, "the backup could not be read from a store"),
      });
      const own = stores.filter((store) => deps.stores.has(store));
      await using sharing = shareRun(deps.company, {
        ...{ lease: { runId: run.id, attempt: number }, signal: control.signal, log, stores: () => own },
      });
      const outcome = await restore(
        {
          ...{ databaseUrl, catalog, source, connections: deps.connections },
          sharing: sharing.peers && { peers: sharing.peers, stores: own },
        },
        {
          runId: run.id,
          attempt: number,
          entities: run.entities,
          rows,
          mode,
          dryRun,
          sampleRows,
          expectPlan: expectPlan ?? undefined,
          foresight,
          unlock: encryption === "RECIPIENTS" ? { identity: secret() } : { passphrase: secret() },
          expected: { id, encryption, manifestSha256 },
          accept: async (found) => {
            signature = await examine(deps, artifact, found);
            if (!dryRun && run.request.allowUntrusted !== true) requireVouched(signature);
          },
        },
        control,
      ).catch(async (error: unknown) => {
        // What has come to nothing, and leaves nothing behind, is not to be asked about any more.
        const lease = { runId: run.id, attempt: number };
        if (isFirst && !isInDoubt(error)) await noteNothing(deps.ledger, lease).catch(() => undefined);
        const conflicts = conflictsOf(error);
        if (conflicts === undefined || !isHoldfastError(error)) throw error;
        log.warn({ err: error, code: error.code }, "the restore cannot be carried out");
        const { code, message, hint } = error;
        return { failure: { code, message, hint }, outcome: { changes: [], plan: null, conflicts } };
      });
      const found = { ...(signature && { signature }), ...(lockOut.length > 0 && { lockOut }) };
      if ("failure" in outcome) return { ...outcome, outcome: { ...outcome.outcome, ...found } };
      return { outcome: { ...outcome, ...found } };
    },
    async findSuccess({ run, number }) {
      const begun = (await findRun(deps.ledger, run.id))?.unfinishedId ?? null;
      if (begun === null || run.request.dryRun) return undefined;
      const databases = databasesOf(catalog, run.entities);
      const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
      const found = await findApplied({ databaseUrl }, { runId: run.id, attempt: number, databases }, signal);
      return found === undefined || found === "PARTIAL" ? found : { outcome: found };
    },
    async discard(run) {
      const signal = AbortSignal.timeout(DISCARD_TIMEOUT_MS);
      for (const database of databasesOf(catalog, run.entities))
        await forgetRestore({ databaseUrl }, { runId: run.id, database }, signal);
    },
  });
}

/**
 * What vouches for what was found. Of a backup that was made here by a version which noted nothing down of it, what is found is
 * noted down now.
 */
async function examine(
  { ledger, signer }: WorkerDeps,
  artifact: Artifact,
  found: Pick<ArtifactReader, "signedBy" | "manifestSha256">,
): Promise<ArtifactSignature> {
  const isOwn = artifact.origin === "MADE";
  if (isOwn && artifact.manifestSha256 === null) await pinArtifact(ledger, artifact.id, found);
  return judgeSignature(found.signedBy, await readTrust(ledger, signer.publicKey), isOwn);
}

function isInDoubt(error: unknown): boolean {
  return isHoldfastError(error, "PARTIALLY_APPLIED") || isHoldfastError(error, "OUTCOME_UNKNOWN");
}

/** Each once; of entities that the catalog has no more nothing is known. */
function databasesOf(catalog: Catalog, entities: readonly string[]): string[] {
  return [...new Set(entities.flatMap((name) => catalog.entities.get(name)?.database ?? []))];
}
