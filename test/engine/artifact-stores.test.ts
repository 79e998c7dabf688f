// An artifact in several stores: written to as many as take it, and read from whichever has it.
import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/core/errors.ts";
import { findCopies, sourceFrom } from "../../src/engine/artifact-copies.ts";
import { storeSink } from "../../src/engine/artifact-io.ts";
import { deleteFrom, sinkInto } from "../../src/engine/artifact-stores.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { readAll, writeSample } from "./artifact-fixture.ts";

const PATIENCE = { timeout: 60_000 };
const down = (what = "out of order") => new HoldfastError("STORE_FAILED", what);
const keysOf = async (store: Store) => (await Array.fromAsync(store.list(""))).map(({ key }) => key);

const refuseToList: Store["list"] = async function* () {
  yield await Promise.reject(down());
};

/** Takes so many objects, and then none any more. */
function failingAfter(puts: number, change: Partial<Store> = {}): Store {
  const store = memoryStore();
  let taken = 0;
  return {
    ...store,
    put: async (...order) => {
      taken += 1;
      if (taken > puts) throw down();
      return store.put(...order);
    },
    ...change,
  };
}

describe("a backup that goes to several stores", PATIENCE, () => {
  it("is in each of them, byte for byte", async () => {
    const stores = new Map([
      ["near", memoryStore()],
      ["far", memoryStore()],
    ]);
    const id = randomUUID();
    const sink = sinkInto(stores, ["near", "far"], id);
    const { texts } = await writeSample(sink, { kind: "NONE" }, id);
    expect([sink.stores, sink.failures]).toEqual([["near", "far"], []]);
    for (const name of stores.keys())
      expect(await readAll(await sourceFrom(stores, [name], id))).toEqual(texts);
  });

  it.each([0, 1, 4])(
    "leaves out a store that fails after %i objects, and deletes what that holds",
    async (puts) => {
      const broken = failingAfter(puts);
      const stores = new Map<string, Store>([
        ["broken", broken],
        ["sound", memoryStore()],
      ]);
      const id = randomUUID();
      const sink = sinkInto(stores, ["broken", "sound"], id);
      const { texts } = await writeSample(sink, { kind: "NONE" }, id);
      expect(sink.stores).toEqual(["sound"]);
      expect(sink.failures).toEqual([
        { store: "broken", error: expect.objectContaining({ code: "STORE_FAILED" }), hasRemains: false },
      ]);
      expect(await keysOf(broken)).toEqual([]);
      expect(await readAll(await sourceFrom(stores, ["sound"], id))).toEqual(texts);
    },
  );

  it("says what may be left in a store that deletes nothing either", async () => {
    const broken = failingAfter(2, { delete: () => Promise.reject(down()) });
    const stores = new Map<string, Store>([
      ["broken", broken],
      ["sound", memoryStore()],
    ]);
    const id = randomUUID();
    const sink = sinkInto(stores, ["broken", "sound"], id);
    await writeSample(sink, { kind: "NONE" }, id);
    expect(sink.failures).toMatchObject([{ store: "broken", hasRemains: true }]);
    expect(await keysOf(broken)).toHaveLength(2);
  });

  it("counts a store that is configured no more among those that fail", async () => {
    const stores = new Map([["sound", memoryStore()]]);
    const id = randomUUID();
    const sink = sinkInto(stores, ["gone", "sound"], id);
    await writeSample(sink, { kind: "NONE" }, id);
    expect([sink.stores, sink.failures]).toMatchObject([
      ["sound"],
      [{ store: "gone", error: { code: "CONFIG_INVALID" }, hasRemains: false }],
    ]);
  });

  it("fails when the last store fails, naming what was wrong with each, and leaves nothing", async () => {
    const one = failingAfter(1);
    const other = failingAfter(3);
    const stores = new Map<string, Store>([
      ["one", one],
      ["other", other],
    ]);
    const id = randomUUID();
    const written = writeSample(sinkInto(stores, ["one", "other", "gone"], id), { kind: "NONE" }, id);
    await expect(written).rejects.toMatchObject({
      code: "STORE_FAILED",
      message: expect.stringMatching(/one: out of order other: out of order gone: There is no store/),
    });
    await deleteFrom(stores, ["one", "other"], id);
    expect([await keysOf(one), await keysOf(other)]).toEqual([[], []]);
    await expect(writeSample(sinkInto(stores, ["gone"], id), { kind: "NONE" }, id)).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });

  it("is not kept up by what is cancelled: that is no failure of a store", async () => {
    const reason = new Error("cancelled");
    const sink = sinkInto(new Map([["near", memoryStore()]]), ["near"], "x");
    await expect(sink.put("a", Buffer.from("a"), 1, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(sink.failures).toEqual([]);
  });
});

describe("deleting an artifact", () => {
  it("takes every object of it from every store, the index first, though one store fails", async () => {
    const deleted: string[] = [];
    const store = memoryStore();
    const near: Store = { ...store, delete: async (key) => (deleted.push(key), store.delete(key)) };
    const broken: Store = { ...memoryStore(), delete: () => Promise.reject(down("broken")) };
    const id = randomUUID();
    await writeSample(storeSink(near, id), { kind: "NONE" }, id);
    await near.put("another/index.json", Buffer.from("{}"));
    const stores = new Map<string, Store>([
      ["broken", broken],
      ["near", near],
    ]);
    await expect(deleteFrom(stores, ["broken", "near", "gone"], id)).rejects.toThrow("broken");
    expect(deleted[0]).toBe(`${id}/index.json`);
    expect(await keysOf(near)).toEqual(["another/index.json"]);
  });
});

describe("a backup in several stores", PATIENCE, () => {
  const inTwo = async () => {
    const first = memoryStore();
    const second = memoryStore();
    const id = randomUUID();
    const stores = new Map<string, Store>([
      ["first", first],
      ["second", second],
    ]);
    const { texts, manifest } = await writeSample(
      sinkInto(stores, ["first", "second"], id),
      { kind: "NONE" },
      id,
    );
    const failed: string[] = [];
    const source = () =>
      sourceFrom(stores, ["first", "second"], id, { onFailure: (store) => failed.push(store) });
    return { first, second, id, stores, texts, part: manifest.parts[0]?.name ?? "", failed, source };
  };

  it("is read from the first", async () => {
    const { stores, texts, source, failed } = await inTwo();
    stores.set("second", { ...memoryStore(), get: () => expect.unreachable() });
    expect(await readAll(await source())).toEqual(texts);
    expect(failed).toEqual([]);
  });

  it("is read from the second where the first is down, is gone, or lacks something", async () => {
    const { first, stores, id, texts, part, source, failed } = await inTwo();
    await first.delete(`${id}/${part}`);
    expect(await readAll(await source())).toEqual(texts);
    await deleteFrom(stores, ["first"], id);
    expect(await readAll(await source())).toEqual(texts);
    stores.set("first", { ...first, list: refuseToList });
    expect(await readAll(await source())).toEqual(texts);
    stores.delete("first");
    expect(await readAll(await source())).toEqual(texts);
    expect(new Set(failed)).toEqual(new Set(["first"]));
  });

  it("is read on from the second where the first fails, or has other bytes, once reading has begun", async () => {
    const { first, stores, id, texts, part, source } = await inTwo();
    const opened = await source();
    const get: Store["get"] = async function* (key, options) {
      if (key.endsWith("index.json") || key.endsWith("holdfast.json")) yield* first.get(key, options);
      else throw down();
    };
    stores.set("first", { ...first, get });
    expect(await readAll(await source())).toEqual(texts);
    stores.set("first", first);
    const bytes = Buffer.concat(await Array.fromAsync(first.get(`${id}/${part}`)));
    bytes[10] = (bytes[10] ?? 0) ^ 1;
    await first.put(`${id}/${part}`, bytes);
    expect(await readAll(await source())).toEqual(texts);
    expect(await readAll(opened)).toEqual(texts);
  });

  it("is streamed on from the second, at the same byte, where the first breaks off", async () => {
    const { first, stores, id, part, failed } = await inTwo();
    const whole = Buffer.concat(await Array.fromAsync(first.get(`${id}/${part}`)));
    const get: Store["get"] = async function* (key, options = {}) {
      if (!key.endsWith(part)) yield* first.get(key, options);
      else {
        yield* first.get(key, { ...options, end: 100 });
        throw down();
      }
    };
    stores.set("first", { ...first, get });
    const { reader } = await findCopies(stores, ["first", "second"], id, {
      onFailure: (store) => failed.push(store),
    });
    const read = async (range: { start?: number; end?: number }) =>
      Buffer.concat(await Array.fromAsync(reader.get(`${id}/${part}`, range)));
    expect(await read({ start: 10 })).toEqual(whole.subarray(10));
    expect(failed).toEqual(["first"]);
    expect(await read({ start: 50, end: 150 })).toEqual(whole.subarray(50, 150));
  });

  it("is not read from a store that holds another artifact in its place", async () => {
    const { first, id, texts, source } = await inTwo();
    await writeSample(storeSink(first, id), { kind: "NONE" }, randomUUID());
    expect(await readAll(await source())).toEqual(texts);
  });

  it("that none of them has is incomplete; but where one cannot be asked, that is what is said", async () => {
    const { stores, id, source } = await inTwo();
    await deleteFrom(stores, ["first", "second"], id);
    await expect(source()).rejects.toMatchObject({
      code: "ARTIFACT_INCOMPLETE",
      message: expect.stringContaining("none of its stores: first, second"),
    });
    stores.set("first", { ...memoryStore(), list: refuseToList });
    await expect(source()).rejects.toMatchObject({ code: "STORE_FAILED" });
  });
});
