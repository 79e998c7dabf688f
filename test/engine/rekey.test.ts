import { expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { HEADER_NAME, INDEX_NAME, KEY_NAME } from "../../src/core/artifact.ts";
import { storeSink, storeSource } from "../../src/engine/artifact-io.ts";
import type { Unlock } from "../../src/engine/artifact-reader.ts";
import type { ArtifactEncryption } from "../../src/engine/artifact-writer.ts";
import { rekeyArtifact, type RekeyOrder } from "../../src/engine/rekey.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { collect, errorOf, flipped } from "../codec/fixtures.ts";
import { changed, readAll, sample, sourceOf, type Objects } from "./artifact-fixture.ts";

const { signal } = new AbortController();
const OLD = { kind: "PASSPHRASE", passphrase: "the old one" } as const;
const NEW = { kind: "PASSPHRASE", passphrase: "the new one" } as const;

/** Rekeys into a store of its own. */
async function rekey(objects: Objects, unlock: Unlock, encryption: RekeyOrder["encryption"]) {
  const store = memoryStore();
  const order = { unlock, encryption };
  const left = async () => (await Array.fromAsync(store.list(""))).map(({ key }) => key.slice(2));
  const rekeyed = rekeyArtifact(await sourceOf(objects), storeSink(store, "x"), order, signal);
  return { store, source: storeSource(store, "x"), left, rekeyed };
}

it("another passphrase opens the copy, and the old one does not", async () => {
  const { objects, texts, id } = await sample(OLD);
  const { source, rekeyed } = await rekey(objects, OLD, NEW);
  expect(await rekeyed).toMatchObject({ id, encryption: "PASSPHRASE" });
  expect(await readAll(source, NEW)).toEqual(texts);
  await expect(readAll(source, OLD)).rejects.toEqual(errorOf("WRONG_PASSPHRASE"));
});

it("only the header, the key and the index are others", async () => {
  const { objects } = await sample(OLD);
  const { identity, recipient } = await generateIdentity();
  const { store, left, rekeyed, source } = await rekey(objects, OLD, {
    kind: "RECIPIENTS",
    recipients: [recipient],
  });
  await rekeyed;
  const different: string[] = [];
  for (const name of await left())
    if (!(objects.get(name)?.equals(await collect(store.get(`x/${name}`))) ?? false)) different.push(name);
  expect(different.toSorted()).toEqual([HEADER_NAME, INDEX_NAME, KEY_NAME].toSorted());
  expect((await left()).toSorted()).toEqual([...objects.keys()].toSorted());
  await readAll(source, { identity });
});

it("what is encrypted to recipients gets a passphrase with one of their identities", async () => {
  const { identity, recipient } = await generateIdentity();
  const { objects, texts } = await sample({ kind: "RECIPIENTS", recipients: [recipient] });
  const { source, rekeyed } = await rekey(objects, { identity }, NEW);
  await rekeyed;
  expect(await readAll(source, NEW)).toEqual(texts);
});

it.each([
  ["with the wrong passphrase", OLD, (objects: Objects) => objects, NEW, "WRONG_PASSPHRASE"],
  ["without encryption", { kind: "NONE" }, (objects: Objects) => objects, OLD, "BAD_INPUT"],
  [
    "with a damaged part",
    OLD,
    (objects: Objects) => changed(objects, { [partOf(objects)]: damagedPart(objects) }),
    OLD,
    "ARTIFACT_CORRUPT",
  ],
] as const)(
  "an artifact %s is not copied, and nothing is left of the copy",
  async (_, encryption, change, unlock, code) => {
    const { objects } = await sample(encryption satisfies ArtifactEncryption);
    const { rekeyed, left } = await rekey(change(objects), unlock, NEW);
    await expect(rekeyed).rejects.toEqual(errorOf(code));
    expect(await left()).toEqual([]);
  },
);

function partOf(objects: Objects): string {
  return [...objects.keys()].findLast((name) => name.startsWith("parts/")) ?? "";
}

function damagedPart(objects: Objects): Buffer {
  return flipped(objects.get(partOf(objects)) ?? Buffer.alloc(0), 1000);
}
