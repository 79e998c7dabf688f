// Where artifacts come from: the stores that have one, read as if they were one store that does not fail as long as any of
// them has what is asked for.
import { readVerified } from "../codec/digest.ts";
import { INDEX_NAME, type EncryptionKind } from "../core/artifact.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { GetOptions, ReadableStore, Store } from "../store/store.ts";
import { storeSource, type ArtifactSource } from "./artifact-io.ts";
import { readIndex, type IndexedArtifact } from "./artifact-reader.ts";

export interface CopyOptions {
  readonly signal?: AbortSignal | undefined;
  /** What the artifact is known to be; another one in its place is no copy. */
  readonly encryption?: EncryptionKind | undefined;
  /** Of its manifest as stored. */
  readonly manifestSha256?: string | undefined;
  /** Told of every copy that could not be read, and why. */
  readonly onFailure?: ((store: string, error: HoldfastError) => void) | undefined;
}

export interface ArtifactCopies {
  /** Objects by their keys. A read that breaks off goes on in another store at the same byte. */
  readonly reader: ReadableStore;
  /** Objects by their names in the artifact. One that is read wrong is read from another store before any of it is given out. */
  readonly source: ArtifactSource;
}

/** Objects of at most so many bytes are held in memory until they have proved to be what was written; parts have less. */
const HELD_BYTES_MAX = 64 * 1024 * 1024;

interface Copy {
  readonly name: string;
  readonly store: Store;
}

/**
 * Finds the first of the stores that has the artifact whole; the others stand by, and are looked at when they are needed.
 * @throws HoldfastError where none has it: STORE_FAILED if any of them could not be asked, ARTIFACT_*, CONFIG_INVALID; the
 *   signal's reason
 */
export async function findCopies(
  stores: ReadonlyMap<string, Store>,
  names: readonly string[],
  artifactId: string,
  options: CopyOptions = {},
): Promise<ArtifactCopies> {
  const { onFailure = () => undefined } = options;
  const prefix = `${artifactId}/`;
  const whole = new Map<Copy, IndexedArtifact>();
  /** Whoever has failed is asked last from then on. */
  let copies: readonly Copy[] = [];
  const failed = (copy: Copy, error: unknown, signal: AbortSignal | undefined): HoldfastError => {
    signal?.throwIfAborted();
    if (!isHoldfastError(error)) throw error;
    copies = [...copies.filter((other) => other !== copy), copy];
    onFailure(copy.name, error);
    return error;
  };

  const errors: HoldfastError[] = [];
  for (const name of names) {
    const store = stores.get(name);
    if (store !== undefined) copies = [...copies, { name, store }];
    else errors.push(noStore(name));
  }
  let found: IndexedArtifact | undefined;
  for (const copy of copies) {
    try {
      found = await inspect(copy.store, artifactId, options);
      whole.set(copy, found);
      break;
    } catch (error) {
      errors.push(failed(copy, error, options.signal));
    }
  }
  if (found === undefined) throw summarize(names, errors);
  const { objects, indexSeal } = found;
  const sealOf = (name: string) => (name === INDEX_NAME ? indexSeal : objects.get(name));

  /** The copies in turn: those that are whole and the same. Whoever reads tells `failures` of what became of it. */
  const inTurn = async function* (failures: HoldfastError[], signal: AbortSignal | undefined) {
    for (const copy of copies) {
      try {
        const held = whole.get(copy) ?? (await inspect(copy.store, artifactId, { ...options, signal }));
        if (held.indexSeal.sha256 !== indexSeal.sha256) throw otherArtifact();
        whole.set(copy, held);
      } catch (error) {
        failures.push(failed(copy, error, signal));
        continue;
      }
      yield copy;
    }
  };

  const get: Store["get"] = async function* (key, { start = 0, end, signal } = {}) {
    const sizeBytes = sealOf(key.slice(prefix.length))?.sizeBytes ?? 0;
    const failures: HoldfastError[] = [];
    let at = start;
    for await (const copy of inTurn(failures, signal)) {
      try {
        for await (const chunk of copy.store.get(key, rangeOf(at, end, signal))) {
          at += chunk.length;
          yield chunk;
        }
        if (at >= Math.min(end ?? sizeBytes, sizeBytes)) return;
        throw new HoldfastError("ARTIFACT_INCOMPLETE", `${key} has become shorter.`);
      } catch (error) {
        failures.push(failed(copy, error, signal));
      }
    }
    throw summarize(names, failures);
  };
  /** Asks the first copy that answers. */
  const askOne = async <T>(
    ask: (store: Store) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> => {
    const failures: HoldfastError[] = [];
    for await (const copy of inTurn(failures, signal)) {
      try {
        return await ask(copy.store);
      } catch (error) {
        failures.push(failed(copy, error, signal));
      }
    }
    throw summarize(names, failures);
  };
  const list: Store["list"] = async function* (listPrefix, { signal } = {}) {
    const look = signal === undefined ? {} : { signal };
    yield* await askOne((store) => Array.fromAsync(store.list(listPrefix, look)), signal);
  };
  const stat: Store["stat"] = (key, { signal } = {}) =>
    askOne((store) => store.stat(key, signal === undefined ? {} : { signal }), signal);
  const reader: ReadableStore = { get, list, stat };
  const plain = storeSource(reader, artifactId);
  const source: ArtifactSource = {
    ...plain,
    read: async function* (name, signal) {
      const seal = sealOf(name);
      if (copies.length === 1 || seal === undefined || seal.sizeBytes > HELD_BYTES_MAX) {
        yield* plain.read(name, signal);
        return;
      }
      const failures: HoldfastError[] = [];
      for await (const copy of inTurn(failures, signal)) {
        let bytes: Buffer;
        try {
          bytes = await readVerified(storeSource(copy.store, artifactId).read(name, signal), seal);
        } catch (error) {
          failures.push(failed(copy, error, signal));
          continue;
        }
        yield bytes;
        return;
      }
      throw summarize(names, failures);
    },
  };
  return { reader, source };
}

/** Reads from the first of the stores that has the artifact whole, and goes on with another where that fails. */
export async function sourceFrom(
  stores: ReadonlyMap<string, Store>,
  names: readonly string[],
  artifactId: string,
  options: CopyOptions = {},
): Promise<ArtifactSource> {
  return (await findCopies(stores, names, artifactId, options)).source;
}

async function inspect(
  store: Store,
  artifactId: string,
  { encryption, manifestSha256, signal }: CopyOptions,
): Promise<IndexedArtifact> {
  return readIndex(storeSource(store, artifactId), signal, { id: artifactId, encryption, manifestSha256 });
}

function rangeOf(start: number, end: number | undefined, signal: AbortSignal | undefined): GetOptions {
  return { start, ...(end !== undefined && { end }), ...(signal && { signal }) };
}

/** One error for all: that a store could not be asked says more than what another lacks. */
function summarize(names: readonly string[], errors: readonly HoldfastError[]): HoldfastError {
  const outage = errors.find((error) => error.retryable);
  const fault = errors.find((error) => !isHoldfastError(error, "NOT_AN_ARTIFACT"));
  return (
    outage ??
    fault ??
    new HoldfastError("ARTIFACT_INCOMPLETE", `The backup is in none of its stores: ${names.join(", ")}.`)
  );
}

function otherArtifact(): HoldfastError {
  return new HoldfastError(
    "ARTIFACT_TAMPERED",
    "Another artifact is in the place of the one that was written.",
  );
}

function noStore(name: string): HoldfastError {
  return new HoldfastError("CONFIG_INVALID", `There is no store ${name}.`);
}
