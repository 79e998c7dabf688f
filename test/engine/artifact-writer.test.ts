// Writing artifacts: what is written in which order, what is left when it goes wrong, and into what.
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { generateIdentity, type AgeKeyPair } from "../../src/codec/age.ts";
import { encodeParts, type EncodedPart } from "../../src/codec/part.ts";
import { sha256 } from "../../src/codec/digest.ts";
import { HoldfastError } from "../../src/core/errors.ts";
import {
  storeSink,
  storeSource,
  tarSink,
  tarSource,
  type ArtifactSink,
} from "../../src/engine/artifact-io.ts";
import { createArtifactWriter } from "../../src/engine/artifact-writer.ts";
import { fsStore } from "../../src/store/fs.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { collect, copyText, errorOf, flipped, noise } from "../codec/fixtures.ts";
import { CREATED_AT, manifestOf, readAll, tableNamed, writeSample } from "./artifact-fixture.ts";

let owner: AgeKeyPair;
let directory: string;
beforeAll(async () => {
  owner = await generateIdentity();
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-artifact-"));
});
afterAll(() => rm(directory, { recursive: true }));

const toOwner = () => ({ kind: "RECIPIENTS", recipients: [owner.recipient] }) as const;
const orderOf = (encryption: Parameters<typeof createArtifactWriter>[1]["encryption"]) => ({
  id: randomUUID(),
  createdAt: CREATED_AT,
  encryption,
});

async function keysOf(store: Store): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list("")) keys.push(key);
  return keys;
}

/** A store that notes when puts begin and end, and what is deleted. */
function observed(store: Store): { store: Store; events: string[] } {
  const events: string[] = [];
  return {
    events,
    store: {
      ...store,
      put: async (key, body, options) => {
        events.push(`put ${key}`);
        const object = await store.put(key, body, options);
        events.push(`has ${key}`);
        return object;
      },
      delete: async (key) => {
        events.push(`delete ${key}`);
        await store.delete(key);
      },
    },
  };
}

async function partOf(rows: number, recipient: string | null): Promise<EncodedPart> {
  const parts: EncodedPart[] = [];
  const batches = async function* () {
    yield { bytes: copyText(rows), rows, endsRow: true };
  };
  await encodeParts(batches(), { recipient }, async (part) => {
    parts.push(part);
  });
  const [part] = parts;
  if (part === undefined) throw new Error("no rows, no part");
  return part;
}

describe("createArtifactWriter", () => {
  it("writes the header first, the key second, the manifest after every part, the index last", async () => {
    const { store, events } = observed(memoryStore());
    await writeSample(storeSink(store, "a"), toOwner());
    const parts = [1, 2, 3, 4, 5, 6].map((number) => `a/parts/00000${number}.copy.zst.age`);
    const names = ["a/holdfast.json", "a/key.age", ...parts, "a/manifest.json.age", "a/index.json"];
    expect(events).toEqual(names.flatMap((name) => [`put ${name}`, `has ${name}`]));
  });

  it("writes an artifact that is not encrypted without a key", async () => {
    const store = memoryStore();
    await writeSample(storeSink(store, "a"), { kind: "NONE" });
    expect(await keysOf(store)).not.toContain("a/key.age");
  });

  it.each([
    ["releases a part that a store has", () => storeSink(memoryStore(), "a"), 1],
    [
      "does not release a part that a tar's reader may have yet to read",
      () => tarSink(new PassThrough({ highWaterMark: 1024 * 1024 }), CREATED_AT),
      0,
    ],
  ])("%s", async (_, open, released) => {
    let releases = 0;
    const part = { ...(await partOf(1, null)), release: () => void (releases += 1) };
    const sink = open();
    const writer = await createArtifactWriter(sink, {
      id: randomUUID(),
      createdAt: CREATED_AT,
      encryption: { kind: "NONE" },
    });
    await writer.addPart(part);
    expect(releases).toBe(released);
  });

  it("stores parts side by side, and is not finished before they are stored", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const store = memoryStore();
    const slow: Store = {
      ...store,
      put: async (key, body, options) => {
        if (key.includes("parts/")) await held;
        return store.put(key, body, options);
      },
    };
    const order = orderOf({ kind: "NONE" });
    const writer = await createArtifactWriter(storeSink(slow, "a"), order);
    const part = await partOf(10, writer.recipient);
    const adding = Promise.all([writer.addPart(part), writer.addPart(part)]);
    await expect(writer.finish(manifestOf(order.id, []))).rejects.toThrow("still being stored");
    release();
    expect((await adding).map(({ name }) => name)).toEqual([
      "parts/000001.copy.zst",
      "parts/000002.copy.zst",
    ]);
  });

  it("says how large all of it is", async () => {
    const store = memoryStore();
    const order = orderOf({ kind: "NONE" });
    const writer = await createArtifactWriter(storeSink(store, "a"), order);
    const { sizeBytes } = await writer.finish(manifestOf(order.id, [tableNamed("empty")]));
    let stored = 0;
    for await (const object of store.list("a/")) stored += object.sizeBytes;
    expect(sizeBytes).toBe(stored);
    expect(await readAll(storeSource(store, "a"))).toEqual([]);
  });

  it("does not finish what its reader would refuse", async () => {
    const store = memoryStore();
    const order = orderOf({ kind: "NONE" });
    const writer = await createArtifactWriter(storeSink(store, "a"), order);
    const part = await partOf(10, null);
    const stored = await writer.addPart(part);
    const entry = { ...stored, table: 0, rows: part.rows, rawBytes: part.rawBytes };
    const table = { ...tableNamed("t"), rows: part.rows, rawBytes: part.rawBytes };
    for (const manifest of [
      manifestOf(order.id, [table]),
      { ...manifestOf(order.id, [tableNamed("t")]), parts: [entry] },
      { ...manifestOf(order.id, [table]), parts: [{ ...entry, sha256: sha256(noise(1)) }] },
      { ...manifestOf(randomUUID(), [table]), parts: [entry] },
    ])
      await expect(writer.finish(manifest)).rejects.toEqual(errorOf("ARTIFACT_TAMPERED", "ARTIFACT_CORRUPT"));
    expect(await keysOf(store)).not.toContain("a/index.json");
  });

  it("leaves no trace of an artifact to a wrong recipient or an empty passphrase", async () => {
    const { store, events } = observed(memoryStore());
    const create = (encryption: Parameters<typeof orderOf>[0]) =>
      createArtifactWriter(storeSink(store, "a"), orderOf(encryption));
    await expect(create({ kind: "RECIPIENTS", recipients: ["age1wrong"] })).rejects.toEqual(
      errorOf("BAD_RECIPIENT"),
    );
    await expect(create({ kind: "PASSPHRASE", passphrase: "" })).rejects.toEqual(errorOf("BAD_INPUT"));
    expect(events).toEqual([]);
  });

  it("does not keep the artifact's identity anywhere but in key.age", async () => {
    const store = memoryStore();
    await writeSample(storeSink(store, "a"), toOwner());
    for await (const { key } of store.list(""))
      expect((await collect(store.get(key))).toString("latin1")).not.toContain("AGE-SECRET-KEY");
  });
});

describe("giving an artifact up", () => {
  it("deletes what was written, the last first, so the index before anything", async () => {
    const { store, events } = observed(memoryStore());
    const sink = storeSink(store, "a");
    await writeSample(sink, { kind: "NONE" });
    events.length = 0;
    await store.put("ab/other", noise(1));
    await sink.abort();
    expect(events.filter((event) => event.startsWith("delete")).slice(0, 2)).toEqual([
      "delete a/index.json",
      "delete a/manifest.json",
    ]);
    expect(await keysOf(store)).toEqual(["ab/other"]);
  });

  it("leaves nothing where parts are being stored at that moment", async () => {
    const fs = fsStore({ directory: path.join(directory, "abort") });
    const writer = await createArtifactWriter(storeSink(fs, "a"), orderOf(toOwner()));
    const part = await partOf(100_000, writer.recipient);
    const adding = Promise.allSettled(Array.from({ length: 10 }, () => writer.addPart(part)));
    await writer.abort();
    const settled = await adding;
    expect(await keysOf(fs)).toEqual([]);
    expect(settled.some(({ status }) => status === "rejected")).toBe(true);
    await expect(writer.addPart(part)).rejects.toEqual(errorOf("CANCELLED"));
    expect(await keysOf(fs)).toEqual([]);
  });

  it("happens by itself where the header or the key cannot be stored", async () => {
    const store = memoryStore();
    const failing: Store = {
      ...store,
      put: async (key, body, options) => {
        if (key.endsWith("key.age")) throw new Error("disk on fire");
        return store.put(key, body, options);
      },
    };
    await expect(createArtifactWriter(storeSink(failing, "a"), orderOf(toOwner()))).rejects.toThrow(
      "disk on fire",
    );
    expect(await keysOf(store)).toEqual([]);
  });

  it("never rejects, for the failure before it is what counts", async () => {
    const store = memoryStore();
    const failing: Store = { ...store, delete: () => Promise.reject(new Error("network is gone")) };
    const writer = await createArtifactWriter(storeSink(failing, "a"), orderOf({ kind: "NONE" }));
    await expect(writer.abort()).resolves.toBeUndefined();
  });

  it("is what the signal asks for: what is being stored stops with its reason", async () => {
    const store = memoryStore();
    const stuck: Store = {
      ...store,
      put: (key, body, options) =>
        key.includes("parts/")
          ? new Promise((_, reject) => {
              const { signal } = options ?? {};
              signal?.addEventListener("abort", () => reject(signal.reason as Error));
            })
          : store.put(key, body, options),
    };
    const controller = new AbortController();
    const order = { ...orderOf({ kind: "NONE" }), signal: controller.signal };
    const writer = await createArtifactWriter(storeSink(stuck, "a"), order);
    const adding = writer.addPart(await partOf(1, null));
    const reason = new Error("cancelled by a person");
    controller.abort(reason);
    await expect(adding).rejects.toBe(reason);
    await expect(writer.addPart(await partOf(1, null))).rejects.toBe(reason);
  });
});

describe("storeSink", () => {
  /** Fails so many puts of parts before it lets one through. */
  const flaky = (failures: number, code: "STORE_FAILED" | "BAD_INPUT") => {
    const store = memoryStore();
    let left = failures;
    let puts = 0;
    const put: Store["put"] = async (key, body, options) => {
      puts += 1;
      left -= 1;
      if (left >= 0) throw new HoldfastError(code, "the line dropped");
      return store.put(key, body, options);
    };
    return { store: { ...store, put }, puts: () => puts };
  };

  it("sends an object again from memory when the store fails in a way that may pass", async () => {
    const { store, puts } = flaky(2, "STORE_FAILED");
    await storeSink(store, "a").put("x", noise(10), 10);
    expect(puts()).toBe(3);
    expect(await collect(store.get("a/x"))).toEqual(noise(10));
  });

  it("gives up after the third time, and at once where it cannot pass or cannot be sent again", async () => {
    const down = flaky(99, "STORE_FAILED");
    await expect(storeSink(down.store, "a").put("x", noise(10), 10)).rejects.toEqual(errorOf("STORE_FAILED"));
    expect(down.puts()).toBe(3);
    const refusing = flaky(99, "BAD_INPUT");
    await expect(storeSink(refusing.store, "a").put("x", noise(10), 10)).rejects.toEqual(
      errorOf("BAD_INPUT"),
    );
    expect(refusing.puts()).toBe(1);
    const once = flaky(1, "STORE_FAILED");
    const stream = async function* () {
      yield noise(10);
    };
    await expect(storeSink(once.store, "a").put("x", stream(), 10)).rejects.toEqual(errorOf("STORE_FAILED"));
    expect(once.puts()).toBe(1);
  });

  it("does not wait for the next attempt once it is given up", async () => {
    const { store, puts } = flaky(99, "STORE_FAILED");
    const sink = storeSink(store, "a");
    const putting = sink.put("x", noise(10), 10);
    const outcome = expect(putting).rejects.toEqual(errorOf("CANCELLED", "STORE_FAILED"));
    await sink.abort();
    await outcome;
    expect(puts()).toBe(1);
  });
});

describe("the single-file form", () => {
  const write = async (name: string, encryption = toOwner()) => {
    const file = path.join(directory, name);
    const stream = createWriteStream(file);
    const written = await writeSample(tarSink(stream, CREATED_AT), encryption);
    stream.end();
    await finished(stream);
    return { file, ...written };
  };

  it("is read back from a file by offsets", async () => {
    const { file, texts } = await write("whole.tar");
    const source = await tarSource(file);
    expect(await readAll(source, { identity: owner.identity })).toEqual(texts);
    await source.close();
  });

  it("is incomplete wherever it is cut", async () => {
    const { file } = await write("cut.tar");
    const tar = await readFile(file);
    const cut = path.join(directory, "cut-short.tar");
    for (let length = 0; length < tar.length; length += 509) {
      await writeFile(cut, tar.subarray(0, length));
      await expect(tarSource(cut), `${length} bytes`).rejects.toEqual(errorOf("ARTIFACT_INCOMPLETE"));
    }
  });

  it("is refused for a flipped bit anywhere in it", async () => {
    const { file } = await write("flip.tar");
    const tar = await readFile(file);
    const damaged = path.join(directory, "flipped.tar");
    for (let at = 0; at < tar.length; at += 127) {
      await writeFile(damaged, flipped(tar, at * 8 + (at % 8)));
      const reading = (async () => {
        const source = await tarSource(damaged);
        try {
          await readAll(source, { identity: owner.identity });
        } finally {
          await source.close();
        }
      })();
      await expect(reading, `byte ${at}`).rejects.toMatchObject({ name: "HoldfastError", status: 422 });
    }
  });

  it("says so where there is no file, or another one", async () => {
    await expect(tarSource(path.join(directory, "nowhere"))).rejects.toEqual(errorOf("NOT_FOUND"));
    const other = path.join(directory, "other");
    await writeFile(other, "PGDMP and so on".repeat(100));
    await expect(tarSource(other)).rejects.toEqual(errorOf("NOT_AN_ARTIFACT"));
  });

  it("goes no faster than its reader", async () => {
    const stream = new PassThrough({ highWaterMark: 1000 });
    const sink = tarSink(stream, CREATED_AT);
    let stored = false;
    const putting = sink.put("x", noise(100_000), 100_000).then(() => (stored = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(stored).toBe(false);
    stream.resume();
    await putting;
  });

  it("writes one object after the other however they are put, and their bodies in pieces", async () => {
    const stream = new PassThrough();
    const sink = tarSink(stream, CREATED_AT);
    const bodies = [1, 2, 3].map((seed) => noise(70_000, seed));
    const slowly = async function* (bytes: Buffer) {
      for (let at = 0; at < bytes.length; at += 9999) {
        await new Promise(setImmediate);
        yield bytes.subarray(at, at + 9999);
      }
    };
    const file = path.join(directory, "order.tar");
    const saved = writeFile(file, stream);
    await Promise.all(bodies.map((bytes, at) => sink.put(`object-${at}`, slowly(bytes), bytes.length)));
    await sink.finish();
    stream.end();
    await saved;
    const source = await tarSource(file);
    for (const [at, bytes] of bodies.entries())
      expect(await collect(source.read(`object-${at}`))).toEqual(bytes);
    await expect(collect(source.read("object-9"))).rejects.toEqual(errorOf("NOT_FOUND"));
    await source.close();
  });

  it.each<[string, (sink: ArtifactSink) => Promise<unknown>]>([
    ["a body that is too long", (sink) => sink.put("x", noise(11), 10)],
    ["a body that is too short", (sink) => sink.put("x", noise(9), 10)],
    ["being given up", (sink) => sink.abort()],
    ["a signal", (sink) => sink.put("x", noise(9), 9, AbortSignal.abort(new Error("cancelled")))],
  ])("is cut off for its reader by %s", async (_, act) => {
    const stream = new PassThrough();
    const reading = expect(collect(stream)).rejects.toMatchObject({
      message: expect.stringMatching(/cut short|given up/),
    });
    const sink = tarSink(stream, CREATED_AT);
    await act(sink).catch(() => {});
    await reading;
    await expect(sink.put("y", noise(1), 1)).rejects.toBeInstanceOf(Error);
  });

  it("fails with the stream that it is written to, and is not stuck where that one hangs", async () => {
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error("EPIPE")) });
    await expect(writeSample(tarSink(broken, CREATED_AT), { kind: "NONE" })).rejects.toEqual(
      errorOf("STORE_FAILED"),
    );
    const hanging = new Writable({ write: () => {} });
    const controller = new AbortController();
    const putting = tarSink(hanging, CREATED_AT).put("x", noise(10), 10, controller.signal);
    const reason = new Error("cancelled");
    controller.abort(reason);
    await expect(putting).rejects.toBe(reason);
    const sink = tarSink(new Writable({ write: () => {} }), CREATED_AT);
    const outcome = expect(sink.put("x", noise(10), 10)).rejects.toEqual(errorOf("STORE_FAILED"));
    await sink.abort();
    await outcome;
  });

  it("fails where its reader leaves without having read all", async () => {
    const stream = new PassThrough();
    const sink = tarSink(stream, CREATED_AT);
    const outcome = expect(sink.put("x", noise(100_000), 100_000)).rejects.toEqual(errorOf("STORE_FAILED"));
    await new Promise(setImmediate);
    stream.destroy();
    await outcome;
  });
});
