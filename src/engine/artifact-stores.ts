// Where artifacts go to and come from: the stores that a run names, as one sink or one source.
import { INDEX_NAME } from "../core/artifact.ts";
import { HoldfastError } from "../core/errors.ts";
import { storeSink, storeSource, type ArtifactSink, type ArtifactSource } from "./artifact-io.ts";
import type { Store } from "../store/store.ts";

type Stores = ReadonlyMap<string, Store>;

/** @throws HoldfastError CONFIG_INVALID for a name that no store has any more */
function storeNamed(stores: Stores, name: string): Store {
  const store = stores.get(name);
  if (store !== undefined) return store;
  throw new HoldfastError("CONFIG_INVALID", `There is no store ${name}.`, {
    hint: `The stores are ${[...stores.keys()].join(", ")}.`,
  });
}

/** Writes every object to all of the stores; it is written when it is in each. */
export function sinkInto(stores: Stores, names: readonly string[], artifactId: string): ArtifactSink {
  const sinks = names.map((name) => storeSink(storeNamed(stores, name), artifactId));
  const [only] = sinks;
  if (only !== undefined && sinks.length === 1) return only;
  return {
    async put(name, body, sizeBytes, signal) {
      // A stream can be read once; objects fit in memory.
      const bytes = body instanceof Uint8Array ? body : await gather(body);
      await Promise.all(sinks.map((sink) => sink.put(name, bytes, sizeBytes, signal)));
    },
    async finish() {
      await Promise.all(sinks.map((sink) => sink.finish()));
    },
    async abort() {
      await Promise.all(sinks.map((sink) => sink.abort()));
    },
  };
}

/** Reads from the first of the stores that has the artifact whole. */
export async function sourceFrom(
  stores: Stores,
  names: readonly string[],
  artifactId: string,
): Promise<ArtifactSource> {
  const candidates = names.map((name) => storeNamed(stores, name));
  for (const store of candidates) {
    if ((await store.stat(`${artifactId}/${INDEX_NAME}`)) !== undefined)
      return storeSource(store, artifactId);
  }
  throw new HoldfastError("ARTIFACT_INCOMPLETE", `The backup is in none of its stores: ${names.join(", ")}.`);
}

/**
 * Deletes whatever there is under the artifact's prefix, the index first: without it what is left is no artifact.
 * A store that is configured no more is passed over, for it would be in the way for ever.
 */
export async function deleteFrom(
  stores: Stores,
  names: readonly string[],
  artifactId: string,
): Promise<void> {
  for (const store of names.flatMap((name) => stores.get(name) ?? [])) {
    await store.delete(`${artifactId}/${INDEX_NAME}`);
    const keys: string[] = [];
    for await (const { key } of store.list(`${artifactId}/`)) keys.push(key);
    for (const key of keys.toReversed()) await store.delete(key);
  }
}

async function gather(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
