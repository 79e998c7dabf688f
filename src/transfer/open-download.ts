// A stored backup as a file, for a client that may read all that is in it.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { HoldfastError } from "../core/errors.ts";
import { findCopies } from "../engine/artifact-copies.ts";
import { openSingleFile, type ByteRange, type SingleFile } from "../engine/single-file.ts";
import { findArtifact, type Artifact } from "../ledger/artifacts.ts";
import { requireVisible } from "../runs/visible.ts";
import type { TransferDeps } from "./deps.ts";
import { holdArtifact } from "./hold-artifact.ts";

/** Until it is disposed of, the backup is not deleted. */
export interface Download extends AsyncDisposable {
  readonly file: SingleFile;
  /** What the backup was called when it was started; null: nothing. */
  readonly label: string | null;
}

/**
 * The backup's artifact, from the first of its stores that has it whole.
 * @throws HoldfastError NOT_FOUND (no such backup, or none for this caller), NOT_READY before it has SUCCEEDED,
 *   BACKUP_DELETED, ARTIFACT_* or STORE_FAILED where no store has it whole
 */
export async function openDownload(
  deps: TransferDeps,
  caller: Caller,
  backupId: string,
  signal: AbortSignal,
): Promise<Download> {
  const run = await requireVisible(deps, caller, "BACKUP", backupId);
  if (run.kind !== "BACKUP") throw new Error(`run ${run.id} was to be a backup`);
  if (run.status !== "SUCCEEDED")
    throw new HoldfastError("NOT_READY", `The backup ${backupId} is ${run.status}.`);
  const artifact = await findArtifact(deps.ledger, run.id);
  if (artifact === undefined) throw new HoldfastError("NOT_FOUND", `The backup ${backupId} is not kept.`);
  const hold = await holdArtifact(deps, artifact);
  try {
    const file = await openFirstWhole(deps, artifact, signal);
    return { file, label: run.request.label, [Symbol.asyncDispose]: () => hold[Symbol.asyncDispose]() };
  } catch (error) {
    await hold[Symbol.asyncDispose]();
    throw error;
  }
}

/** To be called before the first byte goes out. @param range what of the file is sent */
export async function recordDownload(
  { ledger }: TransferDeps,
  caller: Caller,
  backupId: string,
  range: ByteRange,
  origin: Origin = {},
): Promise<void> {
  await recordAudit(ledger.db, {
    actor: caller.username,
    action: "backup.downloaded",
    target: `backup:${backupId}`,
    address: origin.address,
    details: { ...range },
  });
}

async function openFirstWhole(
  { artifactStores, log }: TransferDeps,
  artifact: Artifact,
  signal: AbortSignal,
): Promise<SingleFile> {
  const { reader } = await findCopies(artifactStores, artifact.stores, artifact.id, {
    signal,
    encryption: artifact.encryption,
    manifestSha256: artifact.manifestSha256 ?? undefined,
    onFailure: (store, error) =>
      log.warn({ err: error, artifact: artifact.id, store }, "an artifact cannot be sent from a store"),
  });
  return openSingleFile(reader, artifact.id, signal);
}
