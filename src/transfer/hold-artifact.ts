// Keeps a stored backup from being deleted while it is sent to a client, which may take hours.
import type { Artifact } from "../ledger/artifacts.ts";
import { beginReading, endReading, keepReading } from "../ledger/artifact-uses.ts";
import type { TransferDeps } from "./deps.ts";

const BEAT_MS = 5_000;

/**
 * Held until it is disposed of; should this process die, for half a minute more.
 * @throws HoldfastError BACKUP_DELETED
 */
export async function holdArtifact(
  { ledger, log }: Pick<TransferDeps, "ledger" | "log">,
  artifact: Artifact,
): Promise<AsyncDisposable> {
  const readerId = await beginReading(ledger, artifact);
  const beat = setInterval(() => {
    keepReading(ledger, readerId).catch((error: unknown) => {
      log.warn(
        { err: error, artifact: artifact.id },
        "the ledger could not be told that a backup is still read",
      );
    });
  }, BEAT_MS);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(beat);
      // What is not taken back now expires.
      await endReading(ledger, readerId).catch((error: unknown) => {
        log.warn(
          { err: error, artifact: artifact.id },
          "the ledger could not be told that a backup is read no more",
        );
      });
    },
  };
}
