// Looks at what stores hold, and lists it: the backups outlive the server that made them, and another one finds them so.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { requirePermissions } from "../auth/permissions.ts";
import { INDEX_NAME, manifestName } from "../core/artifact.ts";
import { MANAGE_BACKUPS } from "../core/catalog.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import { storeSource } from "../engine/artifact-io.ts";
import { readIndex, type IndexedArtifact } from "../engine/artifact-reader.ts";
import { artifactIds } from "../engine/stored-artifacts.ts";
import type { Artifact } from "../ledger/artifacts.ts";
import { addStore, findArtifactById, isBeingWritten, recordForeignArtifact } from "../ledger/kept.ts";
import type { Keeping, ScannedArtifact } from "../runs/keeping.ts";
import { checkStores } from "../runs/start-backup.ts";
import type { Store } from "../store/store.ts";
import type { KeepingDeps } from "./deps.ts";
import { describeForeign } from "./foreign-artifact.ts";

/** As {@link Keeping.scanStores}. */
export async function scanStores(
  deps: KeepingDeps,
  caller: Caller,
  names: readonly string[] | undefined,
  origin: Origin,
  signal: AbortSignal = new AbortController().signal,
): ReturnType<Keeping["scanStores"]> {
  requirePermissions(caller, [MANAGE_BACKUPS]);
  const stores = checkStores(deps.stores, names ?? deps.stores.map(({ name }) => name));
  const found: ScannedArtifact[] = [];
  for (const name of stores) {
    const store = deps.artifactStores.get(name);
    if (store === undefined) throw new HoldfastError("BAD_INPUT", `There is no store ${name}.`);
    for await (const artifactId of artifactIds(store))
      found.push({ store: name, artifactId, ...(await look(deps, { name, store }, artifactId, signal)) });
  }
  await recordAudit(deps.ledger.db, {
    actor: caller.username,
    action: "stores.scanned",
    address: origin.address,
    details: {
      stores,
      listed: found.filter(({ state }) => state === "LISTED").map(({ backupId }) => backupId),
    },
  });
  return found;
}

interface Place {
  readonly name: string;
  readonly store: Store;
}

type Finding = Omit<ScannedArtifact, "store" | "artifactId">;

const unlisted = (state: Finding["state"], message: string): Finding => ({ state, message, backupId: null });

async function look(deps: KeepingDeps, place: Place, id: string, signal: AbortSignal): Promise<Finding> {
  const { ledger, catalog } = deps;
  const known = await findArtifactById(ledger.db, id);
  if (known?.deletionRequestedAt != null && known.deletedAt === null)
    return unlisted("INCOMPLETE", "It is being deleted.");
  if ((await place.store.stat(`${id}/${INDEX_NAME}`)) === undefined) {
    const written = await isBeingWritten(ledger, id);
    return unlisted(
      "INCOMPLETE",
      written
        ? "It is being written."
        : `It has no ${INDEX_NAME}: it was never finished, or its deletion was not.`,
    );
  }
  try {
    const source = storeSource(place.store, id);
    const indexed = await readIndex(source, signal);
    if (indexed.header.id !== id)
      return unlisted("UNREADABLE", `It is the artifact ${indexed.header.id}, in the place of another.`);
    if (known?.deletedAt === null) return await merge(deps, place, known, indexed);
    const described = await describeForeign(catalog, source, indexed, undefined, signal);
    const run = await recordForeignArtifact(ledger, {
      ...described,
      stores: [place.name],
      origin: "FOUND",
      requestedBy: null,
    });
    return run === undefined
      ? { state: "KNOWN", message: null, backupId: null }
      : { state: "LISTED", message: null, backupId: run.id };
  } catch (error) {
    if (!isHoldfastError(error) || error.code === "STORE_FAILED") throw error;
    return unlisted(error.code === "FOREIGN_CONTENTS" ? "FOREIGN" : "UNREADABLE", error.message);
  }
}

/** Notes that this store has it, too, if what it has is the same rows under the same kind of key. */
async function merge(
  { ledger, artifactStores }: KeepingDeps,
  { name }: Place,
  known: Artifact,
  indexed: IndexedArtifact,
): Promise<Finding> {
  if (known.stores.includes(name)) return { state: "KNOWN", message: null, backupId: known.runId };
  const others = known.stores.flatMap((other) => artifactStores.get(other) ?? []);
  for (const other of others) {
    const kept = await readIndex(storeSource(other, known.id)).catch((error: unknown) => {
      if (isHoldfastError(error)) return undefined;
      throw error;
    });
    if (kept === undefined) continue;
    if (
      sealOfManifest(kept) !== sealOfManifest(indexed) ||
      kept.indexSeal.sha256 !== indexed.indexSeal.sha256
    )
      return unlisted(
        "UNREADABLE",
        `It differs from the artifact of the same id in ${known.stores.join(", ")}.`,
      );
    await addStore(ledger, known.id, name);
    return { state: "MERGED", message: null, backupId: known.runId };
  }
  return unlisted(
    "UNREADABLE",
    `It cannot be compared with the one in ${known.stores.join(", ")}, where it is not whole.`,
  );
}

function sealOfManifest({ header, objects }: IndexedArtifact): string | undefined {
  return objects.get(manifestName(header.encryption))?.sha256;
}
