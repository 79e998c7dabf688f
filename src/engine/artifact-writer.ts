// Writes an artifact: the header, the key, parts in any order, the manifest, and last the index, which makes it one.
import { encryptAge, generateIdentity, type AgeKeyPair } from "../codec/age.ts";
import { sha256, type ObjectSeal } from "../codec/digest.ts";
import type { EncodedPart } from "../codec/part.ts";
import type { Signer } from "../codec/signature.ts";
import {
  ARTIFACT_VERSION,
  HEADER_NAME,
  INDEX_NAME,
  KEY_NAME,
  manifestName,
  partName,
  type ArtifactHeader,
  type ArtifactIndex,
  type Manifest,
} from "../core/artifact.ts";
import { checkIndex, checkManifest } from "./artifact-check.ts";
import type { ArtifactSink } from "./artifact-io.ts";
import { headerFor, signIndex } from "./artifact-signature.ts";

export type ArtifactEncryption =
  | { readonly kind: "NONE" }
  | { readonly kind: "PASSPHRASE"; readonly passphrase: string }
  | { readonly kind: "RECIPIENTS"; readonly recipients: readonly string[] };

export interface ArtifactOrder {
  /** A UUID. */
  readonly id: string;
  readonly createdAt: Date;
  readonly encryption: ArtifactEncryption;
  /** Left out: the artifact is not signed. */
  readonly signer?: Signer | undefined;
  /** Aborted: what is being put is stopped, and every call rejects with its reason. */
  readonly signal?: AbortSignal;
}

export interface ArtifactWriter {
  /** What parts are encrypted to: the artifact's own recipient; null where it is not encrypted. */
  readonly recipient: string | null;
  /**
   * Stores a part under the next name. Any number may be under way; each is held in memory until it is stored, and then released if the
   * sink is done with it.
   */
  addPart(part: EncodedPart): Promise<ObjectSeal>;
  /** As it is stored. */
  readonly header: ObjectSeal;
  /** Sets numbers aside for parts that others store. @returns the first of them */
  reserveParts(count: number): number;
  /** Takes in a part that somebody else has stored under one of those numbers. */
  adoptPart(part: ObjectSeal): void;
  /**
   * Writes the manifest and the index, once every part is stored.
   * @param manifest with this artifact's id and time, naming exactly the parts that were added
   */
  finish(manifest: Manifest): Promise<FinishedArtifact>;
  /**
   * Gives up: deletes what was written, the index first. Never rejects, for it is called on the way out of another
   * failure; what cannot be deleted has no index and is no artifact.
   */
  abort(): Promise<void>;
}

export interface FinishedArtifact {
  readonly index: ArtifactIndex;
  /** All objects as stored. */
  readonly sizeBytes: number;
  /** Of the manifest as stored: see `Expectation`. */
  readonly manifestSha256: string;
}

/**
 * Writes the header and the key. When this rejects, or once `abort` has resolved, nothing is left in the sink.
 * @throws HoldfastError BAD_RECIPIENT, BAD_INPUT for an empty passphrase, STORE_FAILED; the signal's reason
 */
export async function createArtifactWriter(
  sink: ArtifactSink,
  order: ArtifactOrder,
): Promise<ArtifactWriter> {
  const { encryption, signer, signal } = order;
  const unsigned: ArtifactHeader = {
    format: "holdfast",
    version: ARTIFACT_VERSION,
    id: order.id,
    createdAt: order.createdAt.toISOString(),
    encryption: encryption.kind,
  };
  const header = headerFor(unsigned, signer);
  const stored: ObjectSeal[] = [];
  let parts = 0;
  let storing = 0;

  const put = async (name: string, bytes: Uint8Array, hash = sha256(bytes)): Promise<ObjectSeal> => {
    signal?.throwIfAborted();
    const seal: ObjectSeal = { name, sizeBytes: bytes.length, sha256: hash };
    storing += 1;
    try {
      await sink.put(name, bytes, bytes.length, signal);
    } finally {
      storing -= 1;
    }
    stored.push(seal);
    return seal;
  };
  const abort = async () => {
    await sink.abort().catch(() => {});
  };

  let key: AgeKeyPair | null = null;
  let headerSeal: ObjectSeal;
  try {
    // Before the first object, so that a wrong recipient leaves no trace at all.
    const lock = encryption.kind === "NONE" ? null : await createKey(encryption);
    headerSeal = await put(HEADER_NAME, json(header));
    if (lock !== null) await put(KEY_NAME, lock.sealed);
    key = lock?.key ?? null;
  } catch (error) {
    await abort();
    throw error;
  }

  return {
    recipient: key?.recipient ?? null,
    header: headerSeal,
    reserveParts: (count) => {
      const first = parts + 1;
      parts += count;
      return first;
    },
    adoptPart: (part) => void stored.push(part),
    addPart: async (part) => {
      parts += 1;
      const seal = await put(partName(parts, encryption.kind), part.bytes, part.sha256);
      if (!sink.keepsBodies) part.release();
      return seal;
    },
    finish: async (manifest) => {
      if (storing > 0) throw new Error("The artifact is finished while its parts are still being stored.");
      const plain = json(manifest);
      const { sha256: manifestSha256 } = await put(
        manifestName(encryption.kind),
        key === null ? plain : await encryptAge(plain, { recipients: [key.recipient] }),
      );
      const objects = stored.toSorted((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
      const index = signIndex(
        { format: "holdfast-index", version: ARTIFACT_VERSION, id: order.id, objects },
        signer,
      );
      // What the reader would refuse is not called a backup.
      checkManifest(header, checkIndex(header, index), manifest);
      const { sizeBytes } = await put(INDEX_NAME, json(index));
      await sink.finish();
      const allBytes = index.objects.reduce((sum, object) => sum + object.sizeBytes, sizeBytes);
      return { index, sizeBytes: allBytes, manifestSha256 };
    },
    abort,
  };
}

async function createKey(encryption: Exclude<ArtifactEncryption, { kind: "NONE" }>) {
  const key = await generateIdentity();
  const sealed = await encryptAge(Buffer.from(`${key.identity}\n`), encryption);
  return { key, sealed };
}

/** In the index as in a tar: header, key, parts, manifest. */
function rank(name: string): number {
  if (name === HEADER_NAME) return 0;
  if (name === KEY_NAME) return 1;
  return name.startsWith("parts/") ? 2 : 3;
}

function json(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}
