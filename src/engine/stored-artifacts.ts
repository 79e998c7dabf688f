// What lies in a store, as it says itself: no ledger is asked, and none has to be there.
import { INDEX_NAME, type ArtifactHeader, type Manifest } from "../core/artifact.ts";
import { isHoldfastError } from "../core/errors.ts";
import type { Store } from "../store/store.ts";
import { storeSource } from "./artifact-io.ts";
import { openArtifact, readIndex, type Unlock } from "./artifact-reader.ts";

export type StoredArtifact =
  | {
      readonly id: string;
      readonly state: "WHOLE";
      readonly header: ArtifactHeader;
      /** All of its objects. */
      readonly sizeBytes: number;
      /** undefined: it is encrypted, and nothing that was given opens it. */
      readonly manifest: Manifest | undefined;
    }
  | {
      readonly id: string;
      /** INCOMPLETE: never finished, or being written or deleted; UNREADABLE: something is wrong with it. */
      readonly state: "INCOMPLETE" | "UNREADABLE";
      readonly message: string;
    };

const PREFIX = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\//;

/** The prefixes under which artifacts may be, in order; whatever else lies there is passed over. */
export async function* artifactIds(store: Pick<Store, "list">): AsyncGenerator<string> {
  let last: string | undefined;
  // Keys come in order, so that those of one prefix come together.
  for await (const { key } of store.list("")) {
    const id = PREFIX.exec(key)?.[1];
    if (id === undefined || id === last) continue;
    last = id;
    yield id;
  }
}

/**
 * Every artifact in the store.
 * @param unlock may hold both a passphrase and an identity: each artifact takes what it needs
 * @throws HoldfastError STORE_FAILED; the signal's reason
 */
export async function* readStored(
  store: Store,
  unlock: Unlock,
  signal: AbortSignal,
): AsyncGenerator<StoredArtifact> {
  for await (const id of artifactIds(store)) yield readOne(store, id, unlock, signal);
}

async function readOne(
  store: Store,
  id: string,
  unlock: Unlock,
  signal: AbortSignal,
): Promise<StoredArtifact> {
  if ((await store.stat(`${id}/${INDEX_NAME}`, { signal })) === undefined)
    return { id, state: "INCOMPLETE", message: `It has no ${INDEX_NAME}.` };
  const source = storeSource(store, id);
  try {
    const { header, index, indexSeal } = await readIndex(source, signal);
    if (header.id !== id)
      return {
        id,
        state: "UNREADABLE",
        message: `It is the artifact ${header.id}, in the place of another.`,
      };
    const sizeBytes = index.objects.reduce((sum, object) => sum + object.sizeBytes, indexSeal.sizeBytes);
    const { encryption } = header;
    const key =
      encryption === "PASSPHRASE" ? { passphrase: unlock.passphrase } : { identity: unlock.identity };
    const isClosed = encryption !== "NONE" && Object.values(key).every((value) => value === undefined);
    const manifest = isClosed
      ? undefined
      : (await openArtifact(source, key, signal).catch(withoutKey))?.manifest;
    return { id, state: "WHOLE", header, sizeBytes, manifest };
  } catch (error) {
    if (!isHoldfastError(error) || error.code === "STORE_FAILED") throw error;
    return { id, state: "UNREADABLE", message: error.message };
  }
}

/** Another key's artifact is as good as one without any. */
function withoutKey(error: unknown): undefined {
  if (isHoldfastError(error, "WRONG_PASSPHRASE") || isHoldfastError(error, "WRONG_IDENTITY"))
    return undefined;
  throw error;
}
