import { expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { HoldfastError } from "../../src/core/errors.ts";
import { storeSource } from "../../src/engine/artifact-io.ts";
import type { Unlock } from "../../src/engine/artifact-reader.ts";
import type { RekeyOrder } from "../../src/engine/rekey.ts";
import { rekeyKept } from "../../src/engine/rekey-kept.ts";
import { openSingleFile } from "../../src/engine/single-file.ts";
import { verifyStored } from "../../src/engine/verify.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { errorOf } from "../codec/fixtures.ts";
import { readAll, sample, type Sample } from "./artifact-fixture.ts";

const { signal } = new AbortController();
/** Recipients, for a passphrase takes its time each time. */
const [old, young] = [await generateIdentity(), await generateIdentity()];
const OLD = { kind: "RECIPIENTS", recipients: [old.recipient], identity: old.identity } as const;
const NEW = { kind: "RECIPIENTS", recipients: [young.recipient], identity: young.identity } as const;

async function storeWith({ objects, id }: Sample): Promise<Store> {
  const store = memoryStore();
  for (const [name, bytes] of objects) await store.put(`${id}/${name}`, bytes);
  return store;
}

const keysOf = async (store: Store) => (await Array.fromAsync(store.list(""))).map(({ key }) => key);
const opens = async (store: Store, id: string, unlock: Unlock) =>
  readAll(storeSource(store, id), unlock).then(
    () => true,
    (error: unknown) => {
      expect(error).toEqual(errorOf("WRONG_IDENTITY"));
      return false;
    },
  );

/** The stores as one process has them that dies after so many changes, whichever stores they are made in. */
function mortal(stores: readonly Store[], changes: number): { stores: Store[]; died: () => boolean } {
  let left = changes;
  const change = () => {
    left -= 1;
    if (left < 0) throw new HoldfastError("STORE_FAILED", "the process has died");
  };
  return {
    died: () => left < 0,
    stores: stores.map((store) => ({
      ...store,
      put: async (...args) => {
        change();
        return store.put(...args);
      },
      delete: async (...args) => {
        change();
        await store.delete(...args);
      },
    })),
  };
}

it("another key opens it in every store, and the old one in none", async () => {
  const artifact = await sample(OLD);
  const stores = [await storeWith(artifact), await storeWith(artifact)];
  const before = await Promise.all(stores.map(keysOf));
  const { header, sizeBytes } = await rekeyKept(
    stores,
    artifact.id,
    { unlock: OLD, encryption: NEW },
    signal,
  );
  expect(header).toMatchObject({ id: artifact.id, encryption: "RECIPIENTS" });
  for (const store of stores) {
    expect(await readAll(storeSource(store, artifact.id), NEW)).toEqual(artifact.texts);
    await expect(readAll(storeSource(store, artifact.id), OLD)).rejects.toEqual(errorOf("WRONG_IDENTITY"));
    const stored = await Array.fromAsync(store.list(""));
    expect(sizeBytes).toBe(stored.reduce((sum, object) => sum + object.sizeBytes, 0));
  }
  expect(await Promise.all(stores.map(keysOf))).toEqual(before);
});

it("goes from recipients to a passphrase", async () => {
  const artifact = await sample(OLD);
  const store = await storeWith(artifact);
  const encryption = { kind: "PASSPHRASE", passphrase: "horse" } as const;
  const { header } = await rekeyKept([store], artifact.id, { unlock: OLD, encryption }, signal);
  expect(header.encryption).toBe("PASSPHRASE");
  expect(await readAll(storeSource(store, artifact.id), encryption)).toEqual(artifact.texts);
});

it("changes nothing with a key that does not open it, and for what is not encrypted", async () => {
  const artifact = await sample(OLD);
  const store = await storeWith(artifact);
  const order = (unlock: Unlock): RekeyOrder => ({ unlock, encryption: NEW });
  for (const unlock of [NEW, { identity: (await generateIdentity()).identity }])
    await expect(rekeyKept([store], artifact.id, order(unlock), signal)).rejects.toEqual(
      errorOf("WRONG_IDENTITY"),
    );
  expect(await opens(store, artifact.id, OLD)).toBe(true);
  const plain = await sample({ kind: "NONE" });
  await expect(rekeyKept([await storeWith(plain)], plain.id, order({}), signal)).rejects.toEqual(
    errorOf("BAD_INPUT"),
  );
});

it("wherever it dies, each copy is whole under one of the keys, and doing it again finishes it", async () => {
  const artifact = await sample(OLD);
  const { id } = artifact;
  for (let changes = 0; ; changes += 1) {
    const stores = [await storeWith(artifact), await storeWith(artifact)];
    const dying = mortal(stores, changes);
    await rekeyKept(dying.stores, id, { unlock: OLD, encryption: NEW }, signal).catch((error: unknown) =>
      expect(error).toEqual(errorOf("STORE_FAILED")),
    );
    for (const store of stores) {
      const [byOld, byNew] = [await opens(store, id, OLD), await opens(store, id, NEW)];
      expect([byOld, byNew].filter(Boolean), `after ${changes} changes`).toHaveLength(1);
      await verifyStored(storeSource(store, id), signal);
      const file = await openSingleFile(store, id);
      expect((await Array.fromAsync(file.read({ start: 0, end: file.sizeBytes }))).length).toBeGreaterThan(0);
    }
    if (dying.died()) {
      const unlock = (await opens(stores[0] ?? memoryStore(), id, OLD)) ? OLD : NEW;
      await rekeyKept(stores, id, { unlock, encryption: NEW }, signal);
    }
    for (const store of stores) {
      expect(await opens(store, id, NEW)).toBe(true);
      expect((await keysOf(store)).filter((key) => key.includes("rekey/"))).toEqual([]);
    }
    if (!dying.died()) break;
  }
});
