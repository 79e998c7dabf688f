import { expect, it } from "vitest";
import { memoryStore } from "../../src/store/memory.ts";
import { probeStore } from "../../src/store/probe.ts";
import type { Store } from "../../src/store/store.ts";

const { signal } = new AbortController();

it("finds a sound store sound, and leaves nothing in it", async () => {
  const store = memoryStore();
  await probeStore(store, signal);
  expect(await Array.fromAsync(store.list(""))).toEqual([]);
});

it("finds out a store that takes and does not keep, does not list, or gives back something else", async () => {
  const faults: ((store: Store) => Partial<Store>)[] = [
    (store) => ({ stat: async () => store.stat("nothing") }),
    (store) => ({ list: () => store.list("nothing") }),
    (store) => ({ get: (key) => store.get(key, { start: 1 }) }),
  ];
  for (const fault of faults) {
    const store = memoryStore();
    await expect(probeStore({ ...store, ...fault(store) }, signal)).rejects.toMatchObject({
      code: "STORE_FAILED",
    });
    expect(await Array.fromAsync(store.list(""))).toEqual([]);
  }
});
