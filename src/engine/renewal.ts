// Another key for an artifact that is kept in a store. Three objects change (header, key, index), and no store replaces three
// at once: they are written beside first, under `rekey/`, the index last. From the moment on when that index is there, the
// artifact is read with those three; then they are put in their places, and what lay beside goes. It can stop anywhere.
import { HEADER_NAME, INDEX_NAME, KEY_NAME } from "../core/artifact.ts";
import type { ReadableStore, Store } from "../store/store.ts";

export const RENEWAL_PREFIX = "rekey/";

/** In the order in which they are put in place. */
const RENEWED = [KEY_NAME, HEADER_NAME, INDEX_NAME] as const;

export function isRenewed(name: string): boolean {
  return RENEWED.some((renewed) => renewed === name);
}

const keyBeside = (prefix: string, name: string): string => `${prefix}/${RENEWAL_PREFIX}${name}`;

/** The objects that lie beside and count in the place of those of their names, with their sizes; none without their index. */
export async function findRenewal(
  store: ReadableStore,
  prefix: string,
): Promise<ReadonlyMap<string, number>> {
  const index = await store.stat(keyBeside(prefix, INDEX_NAME));
  if (index === undefined) return new Map();
  const found = new Map([[INDEX_NAME, index.sizeBytes]]);
  for (const name of [KEY_NAME, HEADER_NAME]) {
    const object = await store.stat(keyBeside(prefix, name));
    if (object !== undefined) found.set(name, object.sizeBytes);
  }
  return found;
}

/** The objects of a renewal by name. */
export type Renewal = Readonly<Record<(typeof RENEWED)[number], Uint8Array>>;

/** Lays header and key beside; nothing counts yet. */
export async function prepareRenewal(
  store: Store,
  prefix: string,
  renewal: Renewal,
  signal: AbortSignal,
): Promise<void> {
  for (const name of [KEY_NAME, HEADER_NAME] as const)
    await putBeside(store, prefix, name, renewal[name], signal);
}

/** Lays the index beside: from here on the renewal counts. */
export async function commitRenewal(
  store: Store,
  prefix: string,
  renewal: Renewal,
  signal: AbortSignal,
): Promise<void> {
  await putBeside(store, prefix, INDEX_NAME, renewal[INDEX_NAME], signal);
}

async function putBeside(
  store: Store,
  prefix: string,
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  await store.put(keyBeside(prefix, name), bytes, { sizeBytes: bytes.length, signal });
}

/** Takes back a renewal that does not count in every store; before it was settled. */
export async function abandonRenewal(store: Store, prefix: string): Promise<void> {
  for (const name of [INDEX_NAME, HEADER_NAME, KEY_NAME]) await store.delete(keyBeside(prefix, name));
}

/** Finishes a renewal that counts, and removes what is left of one that never did. */
export async function settleRenewal(store: Store, prefix: string, signal: AbortSignal): Promise<void> {
  const renewal = await findRenewal(store, prefix);
  if (renewal.size === RENEWED.length) {
    for (const name of RENEWED) {
      const sizeBytes = renewal.get(name) ?? 0;
      await store.put(`${prefix}/${name}`, store.get(keyBeside(prefix, name), { signal }), {
        sizeBytes,
        signal,
      });
    }
  }
  await abandonRenewal(store, prefix);
}
