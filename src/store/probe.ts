// Asks a store for all that a backup will ask of it, with an object that is gone again afterwards.
import { randomBytes, randomUUID } from "node:crypto";
import { HoldfastError } from "../core/errors.ts";
import type { Store } from "./store.ts";

/** Objects of probes that were cut off lie under it; they are no artifacts. */
const PREFIX = "holdfast-probe";
const SIZE_BYTES = 1024;

/**
 * Puts, looks at, lists, reads and deletes a small object.
 * @throws HoldfastError STORE_FAILED; the signal's reason
 */
export async function probeStore(store: Store, signal: AbortSignal): Promise<void> {
  const key = `${PREFIX}/${randomUUID()}`;
  const bytes = randomBytes(SIZE_BYTES);
  try {
    await store.put(key, bytes, { sizeBytes: bytes.length, signal });
    const stored = await store.stat(key, { signal });
    if (stored?.sizeBytes !== bytes.length) throw unfaithful("does not have what it took");
    const listed: string[] = [];
    for await (const object of store.list(key, { signal })) listed.push(object.key);
    if (listed.length !== 1 || listed[0] !== key) throw unfaithful("does not list what it took");
    const read: Uint8Array[] = [];
    for await (const chunk of store.get(key, { signal })) read.push(chunk);
    if (!bytes.equals(Buffer.concat(read))) throw unfaithful("does not give back what it took");
  } finally {
    await store.delete(key, { signal });
  }
}

function unfaithful(problem: string): HoldfastError {
  return new HoldfastError("STORE_FAILED", `The store ${problem}.`);
}
