// Takes an artifact that was made elsewhere into a store, for a caller who has sent it.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { requirePermissions } from "../auth/permissions.ts";
import { readVerified } from "../codec/digest.ts";
import { INDEX_NAME } from "../core/artifact.ts";
import { MANAGE_BACKUPS } from "../core/catalog.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import { storeSink, storeSource, tarSource, type ArtifactSource } from "../engine/artifact-io.ts";
import { readIndex, type IndexedArtifact } from "../engine/artifact-reader.ts";
import { verifyStored } from "../engine/verify.ts";
import { claimForWriting } from "../ledger/artifact-uses.ts";
import type { Artifact } from "../ledger/artifacts.ts";
import { findArtifact } from "../ledger/artifacts.ts";
import { findArtifactById, isBeingWritten, recordForeignArtifact } from "../ledger/kept.ts";
import type { ImportInput, Keeping } from "../runs/keeping.ts";
import { checkStores } from "../runs/start-backup.ts";
import { requireVisible, type Backup } from "../runs/visible.ts";
import type { Store } from "../store/store.ts";
import type { KeepingDeps } from "./deps.ts";
import { describeForeign } from "./foreign-artifact.ts";

/** As {@link Keeping.importBackup}. Memory does not grow with the file. */
export async function importBackup(
  deps: KeepingDeps,
  caller: Caller,
  { file, store: name, unlock }: ImportInput,
  origin: Origin,
  signal: AbortSignal = new AbortController().signal,
): ReturnType<Keeping["importBackup"]> {
  const { ledger, catalog } = deps;
  requirePermissions(caller, [MANAGE_BACKUPS]);
  const [storeName = ""] = checkStores(deps.stores, name === undefined ? undefined : [name]);
  const store = deps.artifactStores.get(storeName);
  if (store === undefined) throw new HoldfastError("BAD_INPUT", `There is no store ${storeName}.`);
  const source = await tarSource(file.path);
  try {
    await verifyStored(source, signal);
    const indexed = await readIndex(source, signal);
    const { id } = indexed.header;
    const described = await describeForeign(catalog, source, indexed, unlock, signal);
    return await ledger.db.transaction(async (tx) => {
      // Two who bring the same would write the same objects, and one that fails deletes them.
      await claimForWriting(tx, id);
      const known = await findArtifactById(tx, id);
      if (known?.deletedAt === null) return sameBackup(deps, caller, known, indexed);
      if (await isBeingWritten({ ...ledger, db: tx }, id))
        throw new HoldfastError("BAD_INPUT", `The backup ${id} is being made here at this moment.`);
      await copyInto(store, storeName, source, indexed, signal);
      const run = await recordForeignArtifact(
        { ...ledger, db: tx },
        { ...described, stores: [storeName], origin: "IMPORTED", requestedBy: caller.username },
      );
      if (run === undefined) {
        // Somebody has looked through the store at the same time, and found it.
        const found = await findArtifactById(tx, id);
        if (found === undefined) throw otherHasId(id);
        return sameBackup(deps, caller, found, indexed);
      }
      await recordAudit(tx, {
        actor: caller.username,
        action: "backup.imported",
        target: `backup:${run.id}`,
        address: origin.address,
        details: {
          artifact: id,
          store: storeName,
          encryption: described.encryption,
          sizeBytes: described.sizeBytes,
        },
      });
      return { run, artifact: await findArtifact({ ...ledger, db: tx }, run.id) };
    });
  } finally {
    await source.close();
  }
}

/** The backup that is kept already, if it is the very same. */
async function sameBackup(
  deps: KeepingDeps,
  caller: Caller,
  known: Artifact,
  { indexSeal, header }: IndexedArtifact,
): Promise<Backup> {
  if (known.deletionRequestedAt !== null) {
    throw new HoldfastError("BAD_INPUT", `The backup ${header.id} is being deleted.`, {
      hint: "Import it again once it is gone from its stores.",
    });
  }
  const run = await requireVisible(deps, caller, "BACKUP", known.runId);
  for (const name of known.stores) {
    const store = deps.artifactStores.get(name);
    if (store === undefined || run.kind !== "BACKUP") continue;
    const kept = await readIndex(storeSource(store, known.id)).catch((error: unknown) => {
      if (isHoldfastError(error)) return undefined;
      throw error;
    });
    if (kept?.indexSeal.sha256 === indexSeal.sha256) return { run, artifact: known };
  }
  throw otherHasId(header.id);
}

function otherHasId(id: string): HoldfastError {
  return new HoldfastError("BAD_INPUT", `A backup of the id ${id} is kept here, and is not the same.`, {
    hint: "It may have been given another key since, or be damaged; delete it first if the file is the one to keep.",
  });
}

/** Writes every object, the index last. What fails leaves nothing, and nothing that was there is written over. */
async function copyInto(
  store: Store,
  storeName: string,
  source: ArtifactSource,
  { header, index, indexSeal }: IndexedArtifact,
  signal: AbortSignal,
): Promise<void> {
  if ((await store.stat(`${header.id}/${INDEX_NAME}`)) !== undefined) {
    throw new HoldfastError("BAD_INPUT", `The store ${storeName} has an artifact of the id ${header.id}.`, {
      hint: "List it with `holdfast stores scan`.",
    });
  }
  const sink = storeSink(store, header.id);
  try {
    for (const object of [...index.objects, indexSeal]) {
      const bytes = await readVerified(source.read(object.name, signal), object);
      await sink.put(object.name, bytes, object.sizeBytes, signal);
    }
    await sink.finish();
  } catch (error) {
    await sink.abort().catch(() => undefined);
    throw error;
  }
}
