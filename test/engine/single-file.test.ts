// A stored artifact read as one file: the same bytes as the tar of its objects, from any byte to any other.
import { PassThrough } from "node:stream";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { INDEX_NAME } from "../../src/core/artifact.ts";
import { tarSink } from "../../src/engine/artifact-io.ts";
import { openSingleFile, type SingleFile } from "../../src/engine/single-file.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { collect } from "../codec/fixtures.ts";
import { changed, CREATED_AT, sample, type Objects, type Sample } from "./artifact-fixture.ts";

async function storeOf(objects: Objects): Promise<Store> {
  const store = memoryStore();
  for (const [name, bytes] of objects) await store.put(`x/${name}`, bytes);
  return store;
}

/** In the order of the format: header, key, parts, manifest, index. */
const ORDER = ["holdfast.json", "key.age", "parts/", "manifest.json", INDEX_NAME];
const rank = (name: string): number => ORDER.findIndex((start) => name.startsWith(start));

async function tarOf(objects: Objects): Promise<Buffer> {
  const stream = new PassThrough();
  const sink = tarSink(stream, CREATED_AT);
  const bytes = collect(stream);
  const ordered = [...objects].toSorted(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  for (const [name, object] of ordered) await sink.put(name, object, object.length);
  await sink.finish();
  stream.end();
  return bytes;
}

let artifact: Sample;
let store: Store;
let file: SingleFile;
let whole: Buffer;
beforeAll(async () => {
  artifact = await sample({ kind: "PASSPHRASE", passphrase: "p" });
  store = await storeOf(artifact.objects);
  file = await openSingleFile(store, "x");
  whole = await tarOf(artifact.objects);
});

describe("openSingleFile", () => {
  it("gives the bytes of the tar, and says beforehand how many they are", async () => {
    expect(file.sizeBytes).toBe(whole.length);
    expect((await collect(file.read({ start: 0, end: file.sizeBytes }))).equals(whole)).toBe(true);
  });

  it("gives any range of them", async () => {
    const edge = fc.integer({ min: 0, max: whole.length });
    await fc.assert(
      fc.asyncProperty(edge, edge, async (one, other) => {
        const range = { start: Math.min(one, other), end: Math.max(one, other) };
        const bytes = await collect(file.read(range));
        expect(bytes.equals(whole.subarray(range.start, range.end))).toBe(true);
      }),
    );
  });

  it("has the same hash for the same bytes, and another for others", async () => {
    const again = await openSingleFile(await storeOf(artifact.objects), "x");
    expect(again.indexSha256).toBe(file.indexSha256);
    const other = await sample({ kind: "PASSPHRASE", passphrase: "p" }, artifact.id);
    expect((await openSingleFile(await storeOf(other.objects), "x")).indexSha256).not.toBe(file.indexSha256);
  });

  it.each([
    ["nothing there", () => changed(new Map(), {}), "NOT_AN_ARTIFACT"],
    ["no index", () => changed(artifact.objects, { [INDEX_NAME]: undefined }), "ARTIFACT_INCOMPLETE"],
    [
      "a part lost",
      () => changed(artifact.objects, { "parts/000002.copy.zst.age": undefined }),
      "ARTIFACT_INCOMPLETE",
    ],
    [
      "a part cut short",
      () => changed(artifact.objects, { "parts/000002.copy.zst.age": "short" }),
      "ARTIFACT_INCOMPLETE",
    ],
  ])("refuses an artifact with %s, before a byte is read", async (_, objects, code) => {
    await expect(openSingleFile(await storeOf(objects()), "x")).rejects.toMatchObject({ code });
  });

  it("fails, and does not end, where an object goes away while it is read", async () => {
    const leaving = await storeOf(artifact.objects);
    const opened = await openSingleFile(leaving, "x");
    await leaving.delete("x/manifest.json.age");
    await expect(collect(opened.read({ start: 0, end: opened.sizeBytes }))).rejects.toMatchObject({
      code: "ARTIFACT_INCOMPLETE",
    });
  });
});
