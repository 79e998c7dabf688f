// Writes an artifact: the header, the key, parts in any order, the manifest, and last the index, which makes it one.
import { encryptAge, generateIdentity, type AgeKeyPair } from "../codec/age.ts";
import { sha256, type ObjectSeal } from "../codec/digest.ts";
import type { EncodedPart } from "../codec/part.ts";
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

export type ArtifactEncryption =
  | { readonly kind: "NONE" }
  | { readonly kind: "PASSPHRASE"; readonly passphrase: string }
  | { readonly kind: "RECIPIENTS"; readonly recipients: readonly string[] };

export interface ArtifactOrder {
  /** A UUID. */
  readonly id: string;
  readonly createdAt: Date;
  readonly encryption: ArtifactEncryption;
  /** Aborted: what is being put is stopped, and every call rejects with its reason. */
  readonly signal?: AbortSignal;
}

export interface ArtifactWriter {
  /** What parts are encrypted to: the artifact's own recipient; null where it is not encrypted. */
  readonly recipient: string | null;
  /** Stores a part under the next name. Any number may be under way; each is held in memory until it is stored. */
  addPart(part: EncodedPart): Promise<ObjectSeal>;
  /**
   * Writes the manifest and the index, once every part is stored.
   * @param manifest with this artifact's id and time, naming exactly the parts that were added
   */
  finish(manifest: Manifest): Promise<{ readonly index: ArtifactIndex; readonly sizeBytes: number }>;
  /**
   * Gives up: deletes what was written, the index first. Never rejects, for it is called on the way out of another
   * failure; what cannot be deleted has no index and is no artifact.
   */
  abort(): Promise<void>;
}

/**
 * Writes the header and the key. When this rejects, or once `abort` has resolved, nothing is left in the sink.
 * @throws HoldfastError BAD_RECIPIENT, BAD_INPUT for an empty passphrase, STORE_FAILED; the signal's reason
 */
export async function createArtifactWriter(
  sink: ArtifactSink,
  order: ArtifactOrder,
): Promise<ArtifactWriter> {
  const { encryption, signal } = order;
  const header: ArtifactHeader = {
    format: "holdfast",
    version: ARTIFACT_VERSION,
    id: order.id,
    createdAt: order.createdAt.toISOString(),
    encryption: encryption.kind,
  };
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
  try {
    // Before the first object, so that a wrong recipient leaves no trace at all.
    const lock = encryption.kind === "NONE" ? null : await createKey(encryption);
    await put(HEADER_NAME, json(header));
    if (lock !== null) await put(KEY_NAME, lock.sealed);
    key = lock?.key ?? null;
  } catch (error) {
    await abort();
    throw error;
  }

  return {
    recipient: key?.recipient ?? null,
    addPart: (part) => {
      parts += 1;
      return put(partName(parts, encryption.kind), part.bytes, part.sha256);
    },
    finish: async (manifest) => {
      if (storing > 0) throw new Error("The artifact is finished while its parts are still being stored.");
      const plain = json(manifest);
      await put(
        manifestName(encryption.kind),
        key === null ? plain : await encryptAge(plain, { recipients: [key.recipient] }),
      );
      const index: ArtifactIndex = {
        format: "holdfast-index",
        version: ARTIFACT_VERSION,
        id: order.id,
        objects: stored.toSorted((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1)),
      };
      // What the reader would refuse is not called a backup.
      checkManifest(header, checkIndex(header, index), manifest);
      const { sizeBytes } = await put(INDEX_NAME, json(index));
      await sink.finish();
      return { index, sizeBytes: index.objects.reduce((sum, object) => sum + object.sizeBytes, sizeBytes) };
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
