import { beforeAll, describe, expect, it } from "vitest";
import { INDEX_NAME } from "../../src/core/artifact.ts";
import { verifyContents, verifyStored } from "../../src/engine/verify.ts";
import { errorOf, flipped } from "../codec/fixtures.ts";
import {
  changed,
  jsonOf,
  reindexed,
  sample,
  sourceOf,
  type Objects,
  type Sample,
} from "./artifact-fixture.ts";

const { signal } = new AbortController();
const PASSPHRASE = "correct horse";
const DAMAGED = errorOf("ARTIFACT_CORRUPT", "ARTIFACT_TAMPERED", "NOT_AN_ARTIFACT", "WRONG_PASSPHRASE");

const stored = async (objects: Objects) => verifyStored(await sourceOf(objects), signal);
const contents = async (objects: Objects) =>
  verifyContents(await sourceOf(objects), { passphrase: PASSPHRASE }, signal);

describe.each([{ kind: "NONE" }, { kind: "PASSPHRASE", passphrase: PASSPHRASE }] as const)(
  "an artifact ($kind)",
  (encryption) => {
    let artifact: Sample;
    beforeAll(async () => {
      artifact = await sample(encryption);
    });

    it("is sound as it was written", async () => {
      const sizeBytes = [...artifact.objects].reduce(
        (sum, [name, bytes]) => sum + (name === INDEX_NAME ? 0 : bytes.length),
        0,
      );
      const found = { header: { id: artifact.id }, objects: artifact.objects.size - 1, sizeBytes };
      expect(await stored(artifact.objects)).toMatchObject(found);
      expect(await contents(artifact.objects)).toMatchObject({ ...found, manifest: artifact.manifest });
    });

    it("is not, with a bit of any object flipped", { timeout: 120_000 }, async () => {
      for (const [name, bytes] of artifact.objects) {
        const damaged = changed(artifact.objects, { [name]: flipped(bytes, bytes.length * 4) });
        await expect(stored(damaged), name).rejects.toEqual(DAMAGED);
        await expect(contents(damaged), name).rejects.toEqual(DAMAGED);
      }
    });

    it("is not, with any object missing", async () => {
      for (const name of artifact.objects.keys()) {
        const incomplete = changed(artifact.objects, { [name]: undefined });
        await expect(stored(incomplete), name).rejects.toEqual(errorOf("ARTIFACT_INCOMPLETE"));
        await expect(contents(incomplete), name).rejects.toEqual(errorOf("ARTIFACT_INCOMPLETE"));
      }
    });

    it("that somebody has put together anew looks sound as stored, and its contents do not", async () => {
      const [first, second] = artifact.manifest.parts.map((part) => part.name);
      if (first === undefined || second === undefined) throw new Error("the sample has too few parts");
      const swapped = reindexed(artifact.objects, {
        [first]: artifact.objects.get(second),
        [second]: artifact.objects.get(first),
      });
      await stored(swapped);
      await expect(contents(swapped)).rejects.toEqual(errorOf("ARTIFACT_TAMPERED"));
    });
  },
);

it("rows that do not fit their table are found by looking at the contents", async () => {
  const { objects, manifest } = await sample({ kind: "NONE" });
  const narrow = manifest.tables.map((table) => ({ ...table, columns: table.columns.slice(1) }));
  const other = reindexed(objects, {
    "manifest.json": JSON.stringify({ ...jsonOf(objects, "manifest.json"), tables: narrow }),
  });
  await stored(other);
  await expect(contents(other)).rejects.toThrow("has 4 fields instead of 3");
});

it("reports how far it has come", async () => {
  const { objects } = await sample({ kind: "NONE" });
  for (const verify of [
    verifyStored,
    (source, signal, onBytes) => verifyContents(source, {}, signal, onBytes),
  ] satisfies (typeof verifyStored)[]) {
    let done = 0;
    let total = 0;
    await verify(await sourceOf(objects), signal, (readBytes, totalBytes) => {
      done += readBytes;
      total = totalBytes;
    });
    expect(done).toBe(total);
    expect(done).toBeGreaterThan(0);
  }
});
