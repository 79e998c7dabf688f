// A stored artifact as the one file that it would be, without making that file: its size is known before a part is read,
// and any range of it can be read, so that a download which broke off can go on where it ended.
import { noteSpent } from "../codec/spent-buffers.ts";
import { encodeTarHeader, END_BYTES, paddingBytes } from "../codec/tar.ts";
import type { ArtifactHeader } from "../core/artifact.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { ReadableStore } from "../store/store.ts";
import { storeSource } from "./artifact-io.ts";
import { readIndex } from "./artifact-reader.ts";
import { findRenewal, RENEWAL_PREFIX } from "./renewal.ts";

/** From the byte `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface SingleFile {
  readonly header: ArtifactHeader;
  readonly sizeBytes: number;
  /** Of the index, which names the hash of everything else: the same exactly for the same bytes. */
  readonly indexSha256: string;
  /**
   * @param range within the file
   * @throws HoldfastError ARTIFACT_INCOMPLETE for an object that has become shorter or is gone; STORE_FAILED; the signal's reason
   */
  read(range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array>;
}

/** Bytes of the tar that lie one after another: an object, or what stands before and after it. */
interface Stretch {
  readonly sizeBytes: number;
  read(range: ByteRange, signal?: AbortSignal): AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/**
 * Reads the index and holds it against what is there. No part is read, and no key is needed.
 * @param store stays open
 * @throws HoldfastError NOT_AN_ARTIFACT, ARTIFACT_INCOMPLETE, ARTIFACT_CORRUPT, ARTIFACT_TAMPERED, ARTIFACT_TOO_NEW; STORE_FAILED
 */
export async function openSingleFile(
  store: ReadableStore,
  prefix: string,
  signal?: AbortSignal,
): Promise<SingleFile> {
  const { header, index, indexSeal } = await readIndex(storeSource(store, prefix), signal);
  const renewal = await findRenewal(store, prefix);
  const modifiedAt = new Date(header.createdAt);
  // Made anew for each reading: the headers of half a million parts are not kept in memory.
  const stretches = function* (): Generator<Stretch> {
    for (const { name, sizeBytes } of [...index.objects, indexSeal]) {
      yield inMemory(encodeTarHeader(name, sizeBytes, modifiedAt));
      const place = renewal.has(name) ? `${prefix}/${RENEWAL_PREFIX}${name}` : `${prefix}/${name}`;
      yield inStore(store, place, name, sizeBytes);
      yield inMemory(Buffer.alloc(paddingBytes(sizeBytes)));
    }
    yield inMemory(Buffer.alloc(END_BYTES));
  };
  return {
    header,
    indexSha256: indexSeal.sha256,
    sizeBytes: stretches().reduce((sum, stretch) => sum + stretch.sizeBytes, 0),
    read: async function* ({ start, end }, signal) {
      let at = 0;
      for (const stretch of stretches()) {
        if (at >= end) return;
        const from = Math.max(0, start - at);
        const to = Math.min(stretch.sizeBytes, end - at);
        if (from < to) yield* stretch.read({ start: from, end: to }, signal);
        at += stretch.sizeBytes;
      }
    },
  };
}

function inMemory(bytes: Uint8Array): Stretch {
  return { sizeBytes: bytes.length, read: ({ start, end }) => [bytes.subarray(start, end)] };
}

function inStore(store: ReadableStore, key: string, name: string, sizeBytes: number): Stretch {
  return {
    sizeBytes,
    read: async function* (range, signal) {
      let leftBytes = range.end - range.start;
      try {
        for await (const bytes of store.get(key, { ...range, ...(signal && { signal }) })) {
          leftBytes -= bytes.length;
          yield bytes;
          noteSpent(bytes.length);
        }
      } catch (error) {
        if (!isHoldfastError(error, "NOT_FOUND")) throw error;
      }
      if (leftBytes > 0)
        throw new HoldfastError("ARTIFACT_INCOMPLETE", `${name} has become shorter, or is gone.`);
    },
  };
}
