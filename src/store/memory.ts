// A store in memory, for tests: whole objects, gone with the process.
import { bodyChunks, noSuchObject, rangeWithin } from "./body.ts";
import { checkKey, compareKeys } from "./key.ts";
import type { Store, StoredObject } from "./store.ts";

/** Large enough to be quick, small enough that readers see several of them. */
const CHUNK_BYTES = 64 * 1024;

export function memoryStore(): Store {
  const objects = new Map<string, { readonly bytes: Buffer; readonly modifiedAt: Date }>();
  const describe = (key: string): StoredObject | undefined => {
    const object = objects.get(key);
    return object && { key, sizeBytes: object.bytes.length, modifiedAt: object.modifiedAt };
  };
  return {
    kind: "memory",
    place: "this process's memory",
    put: async (key, body, options = {}) => {
      checkKey(key);
      const chunks: Uint8Array[] = [];
      // Copied, for the object must not change when the caller reuses its buffer.
      for await (const chunk of bodyChunks(key, body, options)) chunks.push(Uint8Array.from(chunk));
      objects.set(key, { bytes: Buffer.concat(chunks), modifiedAt: new Date() });
    },
    get: async function* (key, options = {}) {
      checkKey(key);
      options.signal?.throwIfAborted();
      const object = objects.get(key);
      if (object === undefined) throw noSuchObject(key);
      const { start, end } = rangeWithin(object.bytes.length, options);
      for (let at = start; at < end; at += CHUNK_BYTES) {
        options.signal?.throwIfAborted();
        yield Buffer.from(object.bytes.subarray(at, Math.min(at + CHUNK_BYTES, end)));
      }
    },
    list: async function* (prefix, options = {}) {
      options.signal?.throwIfAborted();
      for (const key of [...objects.keys()].toSorted(compareKeys)) {
        const object = key.startsWith(prefix) ? describe(key) : undefined;
        if (object !== undefined) yield object;
      }
    },
    stat: async (key, options = {}) => {
      checkKey(key);
      options.signal?.throwIfAborted();
      return describe(key);
    },
    delete: async (key, options = {}) => {
      checkKey(key);
      options.signal?.throwIfAborted();
      objects.delete(key);
    },
    deleteUnfinished: async () => {},
    close: async () => {},
  };
}
