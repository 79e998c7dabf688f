// Backups: an artifact of the run's entities, written to its stores.
import { randomUUID } from "node:crypto";
import { entityNamed, tableLabel } from "../src/core/catalog.ts";
import { HoldfastError } from "../src/core/errors.ts";
import type { ArtifactEncryption } from "../src/engine/artifact-writer.ts";
import { backup } from "../src/engine/backup.ts";
import type { NewArtifact } from "../src/ledger/artifacts.ts";
import type { BackupRun } from "../src/ledger/run-row.ts";
import type { BackupRequest } from "../src/ledger/run-request.ts";
import { deleteFrom, sinkInto } from "../src/engine/artifact-stores.ts";
import type { WorkerDeps } from "./deps.ts";
import { shareRun } from "./sharing.ts";
import { processRun, type RunProcessor } from "./process-run.ts";

export function backupHandler(deps: WorkerDeps): RunProcessor {
  return processRun(deps, "BACKUP", {
    async act({ run, number, secret, note, log, control }) {
      const { stores, encryption } = run.request;
      if (run.unfinishedId !== null) await tidyAfter(deps, run, run.unfinishedId);
      const artifactId = randomUUID();
      await note(artifactId);
      const sink = sinkInto(deps.stores, stores, artifactId);
      const { signer, connections } = deps;
      if (number > 1) log.warn("the backup starts again, from a new snapshot");
      await using sharing = shareRun(deps.company, {
        ...{ lease: { runId: run.id, attempt: number }, signal: control.signal, log },
        stores: () => sink.stores,
      });
      const { manifest, manifestSha256, sizeBytes, rawBytes, rows } = await backup(
        {
          databaseUrl: deps.databaseUrl,
          sink,
          connections,
          sharing: sharing.peers && { peers: sharing.peers, sink },
        },
        {
          artifactId,
          createdAt: new Date(),
          entities: run.entities.map((name) => entityNamed(deps.catalog, name)),
          encryption: encryptionOf(run.request, secret()),
          signer,
        },
        control,
      );
      const contents = manifest.tables.map((table) => ({
        entity: table.entity,
        table: tableLabel(table),
        rows: table.rows,
        rawBytes: table.rawBytes,
      }));
      const failedStores = sink.failures.map(({ store, error, hasRemains }) => {
        log.warn({ err: error, code: error.code, store }, "a store did not take the backup");
        const { code, message } = error;
        // Others may have written to it, too.
        return { store, code, message, hasRemains: hasRemains || sharing.hasShared };
      });
      const artifact: NewArtifact = {
        id: artifactId,
        encryption,
        stores: sink.stores,
        failedStores,
        contents,
        sizeBytes,
        rawBytes,
        rows,
        manifestSha256,
        signedBy: signer.publicKey,
      };
      return { artifact, retract: () => deleteFrom(deps.stores, stores, artifactId) };
    },
    discard: (run, artifactId) => deleteFrom(deps.stores, run.request.stores, artifactId),
    async follow({ scheduleId }) {
      if (scheduleId !== null) await deps.applyRetention?.(scheduleId);
    },
  });
}

/** Deletes what an earlier attempt has left. One store that is down does not keep the backup from being in the others. */
async function tidyAfter({ stores, log }: WorkerDeps, run: BackupRun, artifactId: string): Promise<void> {
  const tidied = await Promise.allSettled(
    run.request.stores.map((name) => deleteFrom(stores, [name], artifactId)),
  );
  const failures = tidied
    .filter((result) => result.status === "rejected")
    .map(({ reason }) => reason as unknown);
  if (failures.length === tidied.length) throw failures[0];
  for (const err of failures)
    log.warn(
      { err, runId: run.id, artifact: artifactId },
      "what an earlier attempt left could not be deleted",
    );
}

function encryptionOf(
  { encryption, recipients }: BackupRequest,
  secret: string | undefined,
): ArtifactEncryption {
  if (encryption === "NONE") return { kind: "NONE" };
  if (encryption === "RECIPIENTS") return { kind: "RECIPIENTS", recipients };
  if (secret === undefined) throw new HoldfastError("SECRET_LOST", "The run's passphrase is gone.");
  return { kind: "PASSPHRASE", passphrase: secret };
}
