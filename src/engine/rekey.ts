// Gives an artifact another passphrase, or other recipients. Parts and manifest are encrypted to the artifact's own
// identity, so that only the header, the key and the index are written anew; the rest is copied as it is.
import { encryptAge } from "../codec/age.ts";
import { readVerified, sha256, type ObjectSeal } from "../codec/digest.ts";
import type { Signer } from "../codec/signature.ts";
import { HEADER_NAME, INDEX_NAME, KEY_NAME, type ArtifactHeader } from "../core/artifact.ts";
import { HoldfastError } from "../core/errors.ts";
import type { ArtifactSink, ArtifactSource } from "./artifact-io.ts";
import { readIndex, unlockIdentity, type Unlock } from "./artifact-reader.ts";
import { headerFor, signIndex } from "./artifact-signature.ts";
import type { ArtifactEncryption } from "./artifact-writer.ts";

export interface RekeyOrder {
  /** What opens it now. */
  readonly unlock: Unlock;
  /** What shall open it from now on. */
  readonly encryption: Exclude<ArtifactEncryption, { kind: "NONE" }>;
  /**
   * Who signs it from now on, as its index changes: nobody, unless it is known whose it was until now, for whoever sees the new
   * signature takes the contents for the signer's. Left out: nobody.
   * @param signedBy the public key that it is signed with now, rightly; null: it is not signed
   */
  readonly signerAfter?: ((signedBy: string | null) => Signer | undefined) | undefined;
}

/** @throws HoldfastError BAD_INPUT for an artifact that is not encrypted */
export function checkRekeyable({ encryption }: Pick<ArtifactHeader, "encryption">): void {
  if (encryption !== "NONE") return;
  throw new HoldfastError(
    "BAD_INPUT",
    "The artifact is not encrypted: it has no key that could be changed.",
    { hint: "Make an encrypted backup instead." },
  );
}

/**
 * Copies an encrypted artifact under another key; every byte that is copied is checked. The id stays. When this rejects,
 * nothing is left in the sink.
 * @throws HoldfastError BAD_INPUT for an artifact that is not encrypted, BAD_RECIPIENT; WRONG_PASSPHRASE and the others of
 *   `openArtifact`; STORE_FAILED; the signal's reason
 */
export async function rekeyArtifact(
  source: ArtifactSource,
  sink: ArtifactSink,
  order: RekeyOrder,
  signal: AbortSignal,
): Promise<ArtifactHeader> {
  try {
    return await copyUnderKey(source, sink, order, signal);
  } catch (error) {
    await sink.abort().catch(() => undefined);
    throw error;
  }
}

async function copyUnderKey(
  source: ArtifactSource,
  sink: ArtifactSink,
  { unlock, encryption, signerAfter }: RekeyOrder,
  signal: AbortSignal,
): Promise<ArtifactHeader> {
  const indexed = await readIndex(source, signal);
  checkRekeyable(indexed.header);
  const identity = await unlockIdentity(source, indexed, unlock, signal);
  const signer = signerAfter?.(indexed.signedBy);
  const header = headerFor({ ...indexed.header, encryption: encryption.kind }, signer);
  const renewed = new Map([
    [HEADER_NAME, Buffer.from(`${JSON.stringify(header)}\n`)],
    [KEY_NAME, await encryptAge(Buffer.from(`${identity}\n`), encryption)],
  ]);
  const objects: ObjectSeal[] = [];
  for (const old of indexed.index.objects) {
    const bytes = renewed.get(old.name) ?? (await readVerified(source.read(old.name, signal), old));
    await sink.put(old.name, bytes, bytes.length, signal);
    const hash = renewed.has(old.name) ? sha256(bytes) : old.sha256;
    objects.push({ name: old.name, sizeBytes: bytes.length, sha256: hash });
  }
  const index = signIndex({ ...indexed.index, objects }, signer);
  const bytes = Buffer.from(`${JSON.stringify(index)}\n`);
  await sink.put(INDEX_NAME, bytes, bytes.length, signal);
  await sink.finish();
  return header;
}
