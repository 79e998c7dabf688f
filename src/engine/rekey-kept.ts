// Gives an artifact that is kept in stores another passphrase, or other recipients: in all of its stores, or in none.
import { encryptAge } from "../codec/age.ts";
import { sha256 } from "../codec/digest.ts";
import type { Signer } from "../codec/signature.ts";
import { HEADER_NAME, INDEX_NAME, KEY_NAME, type ArtifactHeader } from "../core/artifact.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { Store } from "../store/store.ts";
import { storeSource } from "./artifact-io.ts";
import {
  openArtifact,
  readIndex,
  unlockIdentity,
  type Expectation,
  type IndexedArtifact,
} from "./artifact-reader.ts";
import { headerFor, signIndex } from "./artifact-signature.ts";
import { checkRekeyable, type RekeyOrder } from "./rekey.ts";
import { abandonRenewal, commitRenewal, prepareRenewal, settleRenewal, type Renewal } from "./renewal.ts";

export interface Rekeyed {
  readonly header: ArtifactHeader;
  /** All objects as stored, the index among them. */
  readonly sizeBytes: number;
  /** As of the reader: what it is signed with from now on, and what a rekeying leaves as it is. */
  readonly signedBy: string | null;
  readonly manifestSha256: string;
}

/**
 * Rewrites header, key and index in every store. Whoever reads the artifact meanwhile (which the caller prevents) would find it
 * as it was or as it is to be, and never in between. After a crash the same call finishes it; it takes the old key or the new.
 * @param id the artifact's, and its prefix in every store
 * @throws HoldfastError BAD_INPUT for an artifact that is not encrypted, BAD_RECIPIENT; WRONG_PASSPHRASE and the others of
 *   `openArtifact`; STORE_FAILED, and then every store has it as it was, unless it has failed for good in between
 */
export async function rekeyKept(
  stores: readonly Store[],
  id: string,
  { unlock, encryption, signerAfter, manifestSha256 }: RekeyOrder & Pick<Expectation, "manifestSha256">,
  signal: AbortSignal,
): Promise<Rekeyed> {
  for (const store of stores) await settleRenewal(store, id, signal);
  const copies = await Promise.all(
    stores.map(async (store) => ({ store, indexed: await readIndex(storeSource(store, id), signal) })),
  );
  for (const { indexed } of copies) checkCopy(indexed, id);
  const identity = await unlockAny(copies, id, { unlock, encryption }, signal);
  for (const { store } of copies)
    await openArtifact(storeSource(store, id), { artifactIdentity: identity }, signal, {
      id,
      manifestSha256,
    });
  // One index for all of them: signed only if every copy may be.
  const signers = copies.map(({ indexed }) => signerAfter?.(indexed.signedBy));
  const signer = signers.includes(undefined) ? undefined : signers[0];
  const key = await encryptAge(Buffer.from(`${identity}\n`), encryption);
  const renewals = copies.map(({ store, indexed }) => ({
    store,
    renewal: renew(indexed, encryption.kind, key, signer),
  }));
  const [first] = renewals;
  const [copy] = copies;
  if (first === undefined || copy === undefined) throw new Error("an artifact is kept in at least one store");
  try {
    for (const { store, renewal } of renewals) await prepareRenewal(store, id, renewal.objects, signal);
    for (const { store, renewal } of renewals) await commitRenewal(store, id, renewal.objects, signal);
  } catch (error) {
    for (const { store } of renewals) await abandonRenewal(store, id).catch(() => undefined);
    throw error;
  }
  // It counts everywhere from here on: what is not put in place now is read from beside, and settled by the next rekeying.
  for (const { store } of renewals)
    await settleRenewal(store, id, signal).catch((error: unknown) => {
      if (!isHoldfastError(error, "STORE_FAILED") && !signal.aborted) throw error;
    });
  return {
    header: first.renewal.header,
    sizeBytes: first.renewal.sizeBytes,
    signedBy: signer?.publicKey ?? null,
    manifestSha256: copy.indexed.manifestSha256,
  };
}

interface Copy {
  readonly store: Store;
  readonly indexed: IndexedArtifact;
}

function checkCopy({ header }: IndexedArtifact, id: string): void {
  if (header.id !== id)
    throw new HoldfastError(
      "ARTIFACT_TAMPERED",
      "Another artifact is in the place of the one that was written.",
    );
  checkRekeyable(header);
}

/** A rekeying that was cut short may have reached some of the stores: then they have different keys to the same identity. */
async function unlockAny(
  copies: readonly Copy[],
  id: string,
  { unlock, encryption }: RekeyOrder,
  signal: AbortSignal,
): Promise<string> {
  const renewed = encryption.kind === "PASSPHRASE" ? [{ passphrase: encryption.passphrase }] : [];
  let failure: Error | undefined;
  for (const key of [unlock, ...renewed]) {
    for (const { store, indexed } of copies) {
      try {
        return await unlockIdentity(storeSource(store, id), indexed, key, signal);
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof Error)) throw error;
        failure ??= error;
      }
    }
    // Only after a rekeying that reached some: otherwise the new passphrase would do instead of the old one.
    if (new Set(copies.map(({ indexed }) => indexed.indexSeal.sha256)).size === 1) break;
  }
  throw failure ?? new Error("an artifact is kept in at least one store");
}

function renew(
  { header: old, index }: IndexedArtifact,
  encryption: RekeyOrder["encryption"]["kind"],
  key: Uint8Array,
  signer: Signer | undefined,
): { header: ArtifactHeader; objects: Renewal; sizeBytes: number } {
  const header = headerFor({ ...old, encryption }, signer);
  const renewed = new Map([
    [HEADER_NAME, json(header)],
    [KEY_NAME, key],
  ]);
  const objects = index.objects.map((object) => {
    const bytes = renewed.get(object.name);
    return bytes === undefined
      ? object
      : { name: object.name, sizeBytes: bytes.length, sha256: sha256(bytes) };
  });
  const newIndex = signIndex({ ...index, objects }, signer);
  const indexBytes = json(newIndex);
  return {
    header,
    objects: { [HEADER_NAME]: json(header), [KEY_NAME]: key, [INDEX_NAME]: indexBytes },
    sizeBytes: objects.reduce((sum, object) => sum + object.sizeBytes, indexBytes.length),
  };
}

function json(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
