// Where artifacts go to: the stores that a run names, as one sink; and how they are taken away from them again.
import { setTimeout as delay } from "node:timers/promises";
import { INDEX_NAME } from "../core/artifact.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { Store } from "../store/store.ts";
import { storeSink, type ArtifactSink } from "./artifact-io.ts";

type Stores = ReadonlyMap<string, Store>;

/** A store that has not taken an artifact which another one has. */
export interface FailedStore {
  readonly store: string;
  readonly error: HoldfastError;
  /** Whether something of the artifact may still lie there. */
  readonly hasRemains: boolean;
}

/** Takes an artifact for as long as any store does. */
export interface StoresSink extends ArtifactSink {
  /** Those that have all that was put so far. */
  readonly stores: readonly string[];
  readonly failures: readonly FailedStore[];
  /** Whether each of those stores has the object, of that size: what somebody else says that he has stored. */
  holds(object: { readonly name: string; readonly sizeBytes: number }, signal: AbortSignal): Promise<boolean>;
  /** Deletes the parts that are not to be kept from those stores, as far as that can be done: what others have begun and left. */
  sweep(keep: ReadonlySet<string>): Promise<void>;
}

/** What a store that failed has taken is deleted meanwhile; the end of the backup waits no longer than that for it. */
const TIDY_MS = 5_000;
/** Objects that are deleted at the same time. */
const DELETIONS = 8;

interface Member {
  readonly name: string;
  /** undefined: no store has this name any more. */
  readonly sink: ArtifactSink | undefined;
  error: HoldfastError | undefined;
  tidying: Promise<void> | undefined;
  hasRemains: boolean;
}

/**
 * Writes every object to all of the stores at once. A store that fails, after its own retries, is left out from then on and
 * what it has taken is deleted; the others go on. A put rejects when no store is left.
 */
export function sinkInto(stores: Stores, names: readonly string[], artifactId: string): StoresSink {
  const members = names.map((name): Member => {
    const store = stores.get(name);
    const error = store === undefined ? noStore(stores, name) : undefined;
    const sink = store && storeSink(store, artifactId);
    return { name, sink, error, tidying: undefined, hasRemains: false };
  });
  const leave = (member: Member, error: HoldfastError) => {
    if (member.error !== undefined) return;
    member.error = error;
    member.hasRemains = true;
    member.tidying = member.sink?.abort().then(
      () => void (member.hasRemains = false),
      () => undefined,
    );
  };
  const requireAny = () => {
    const errors = members.flatMap(({ error }) => error ?? []);
    if (errors.length === members.length) throw summarize(members, errors);
  };
  return {
    keepsBodies: false,
    get stores() {
      return members.filter(({ error }) => error === undefined).map(({ name }) => name);
    },
    get failures() {
      return members.flatMap(({ name, error, hasRemains }) =>
        error === undefined ? [] : [{ store: name, error, hasRemains }],
      );
    },
    async put(name, body, sizeBytes, signal) {
      requireAny();
      const live = members.filter(({ error }) => error === undefined);
      // A stream can be read once; objects fit in memory.
      const bytes = body instanceof Uint8Array || live.length === 1 ? body : await gather(body);
      await Promise.all(
        live.map(async (member) => {
          try {
            await member.sink?.put(name, bytes, sizeBytes, signal);
          } catch (error) {
            signal?.throwIfAborted();
            if (!isHoldfastError(error)) throw error;
            leave(member, error);
          }
        }),
      );
      requireAny();
    },
    async finish() {
      const live = members.filter(({ error }) => error === undefined);
      await Promise.all(live.map(async ({ sink }) => sink?.finish()));
      const patience = new AbortController();
      const tidied = Promise.all(members.map(async ({ tidying }) => tidying)).finally(() => patience.abort());
      await Promise.race([
        tidied,
        delay(TIDY_MS, undefined, { signal: patience.signal }).catch(() => undefined),
      ]);
    },
    async holds({ name, sizeBytes }, signal) {
      const live = members.filter(({ error }) => error === undefined);
      const found = await Promise.all(
        live.map(async ({ name: store }) => stores.get(store)?.stat(`${artifactId}/${name}`, { signal })),
      );
      return found.every((object) => object?.sizeBytes === sizeBytes);
    },
    async sweep(keep) {
      const live = members.filter(({ error }) => error === undefined);
      await Promise.allSettled(
        live.map(async ({ name }) => {
          const store = stores.get(name);
          if (store !== undefined) await deleteParts(store, artifactId, keep);
        }),
      );
    },
    async abort() {
      const left = await Promise.allSettled(members.map(async ({ sink }) => sink?.abort()));
      for (const result of left) if (result.status === "rejected") throw result.reason;
    },
  };
}

async function deleteParts(store: Store, artifactId: string, keep: ReadonlySet<string>): Promise<void> {
  const start = `${artifactId}/`;
  for await (const { key } of store.list(`${start}parts/`))
    if (!keep.has(key.slice(start.length))) await store.delete(key);
}

function noStore(stores: Stores, name: string): HoldfastError {
  return new HoldfastError("CONFIG_INVALID", `There is no store ${name}.`, {
    hint: `The stores are ${[...stores.keys()].join(", ")}.`,
  });
}

/** One error for all: of the kind that a retry can help with, if any of them is. */
function summarize(members: readonly Member[], errors: readonly HoldfastError[]): HoldfastError {
  const [first] = errors;
  if (first === undefined) return new HoldfastError("BAD_INPUT", "The backup names no store.");
  if (errors.length === 1) return first;
  const { code, hint } = errors.find(({ retryable }) => retryable) ?? first;
  const each = members.map(({ name, error }) => `${name}: ${error?.message}`).join(" ");
  return new HoldfastError(code, `None of the stores has taken the backup. ${each}`, { hint, cause: first });
}

/**
 * Deletes whatever there is under the artifact's prefix, the index first: without it what is left is no artifact.
 * A store that is configured no more is passed over, for it would be in the way for ever; one that fails does not keep the
 * others from being tidied.
 * @throws HoldfastError STORE_FAILED of the first that failed, after all were tried
 */
export async function deleteFrom(
  stores: Stores,
  names: readonly string[],
  artifactId: string,
): Promise<void> {
  const present = names.flatMap((name) => stores.get(name) ?? []);
  const results = await Promise.allSettled(present.map((store) => deleteArtifact(store, artifactId)));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function deleteArtifact(store: Store, artifactId: string): Promise<void> {
  await store.delete(`${artifactId}/${INDEX_NAME}`);
  await store.deleteUnfinished(artifactId);
  const keys: string[] = [];
  for await (const { key } of store.list(`${artifactId}/`)) keys.push(key);
  const next = keys.toReversed().values();
  const work = async () => {
    for (const key of next) await store.delete(key);
  };
  await Promise.all(Array.from({ length: Math.min(DELETIONS, keys.length) }, work));
}

async function gather(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
