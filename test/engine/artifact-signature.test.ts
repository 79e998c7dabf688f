// Signed artifacts: who has signed one is seen without its key, and every byte of it is signed.
import { beforeAll, describe, expect, it } from "vitest";
import { generateIdentity, type AgeKeyPair } from "../../src/codec/age.ts";
import { HEADER_NAME, INDEX_NAME, manifestName, partName } from "../../src/core/artifact.ts";
import { openArtifact, readIndex } from "../../src/engine/artifact-reader.ts";
import { rekeyArtifact } from "../../src/engine/rekey.ts";
import { errorOf, flipped } from "../codec/fixtures.ts";
import {
  changed,
  jsonOf,
  objectsOf,
  readAll,
  reindexed,
  sample,
  signerNamed,
  sourceOf,
} from "./artifact-fixture.ts";
import type { Objects, Sample } from "./artifact-fixture.ts";

const ours = signerNamed("ours");
const theirs = signerNamed("theirs");
const signal = new AbortController().signal;

let owner: AgeKeyPair;
let plain: Sample;
let sealed: Sample;
let unsigned: Sample;
beforeAll(async () => {
  owner = await generateIdentity();
  plain = await sample({ kind: "NONE" }, undefined, ours);
  sealed = await sample({ kind: "RECIPIENTS", recipients: [owner.recipient] }, undefined, ours);
  unsigned = await sample({ kind: "NONE" });
});

const signerIn = async (objects: Objects) => (await readIndex(await sourceOf(objects))).signedBy;
const withJson = (objects: Objects, name: string, fields: object) => ({
  [name]: JSON.stringify({ ...jsonOf(objects, name), ...fields }),
});

describe("an artifact that is signed", () => {
  it("says by whom without its key, and gives back its rows", async () => {
    expect(await signerIn(sealed.objects)).toBe(ours.publicKey);
    expect(await signerIn(unsigned.objects)).toBeNull();
    const artifact = await openArtifact(await sourceOf(sealed.objects), { identity: owner.identity });
    expect(artifact.signedBy).toBe(ours.publicKey);
    expect(await readAll(await sourceOf(plain.objects))).toEqual(plain.texts);
  });

  it("is read however its JSON is spelled, for what is signed is what is read", async () => {
    const spelled = JSON.stringify(jsonOf(plain.objects, INDEX_NAME), null, 4);
    expect(await signerIn(changed(plain.objects, { [INDEX_NAME]: spelled }))).toBe(ours.publicKey);
  });

  it("is refused for a flipped bit in any byte of the index and the header", async () => {
    for (const name of [INDEX_NAME, HEADER_NAME]) {
      const bytes = plain.objects.get(name) ?? Buffer.alloc(0);
      // Not the newline at the end: JSON may end in any white space.
      for (let at = 0; at < bytes.length - 1; at++) {
        const damaged = changed(plain.objects, { [name]: flipped(bytes, at * 8 + (at % 8)) });
        await expect(signerIn(damaged), `${name}, byte ${at}`).rejects.toEqual(
          errorOf(
            ...(["ARTIFACT_CORRUPT", "ARTIFACT_TAMPERED", "ARTIFACT_INCOMPLETE"] as const),
            ...(["NOT_AN_ARTIFACT", "ARTIFACT_TOO_NEW"] as const),
          ),
        );
      }
    }
  });

  it("is refused if anything is changed and the index made to fit", async () => {
    const part = partName(1, "NONE");
    const manifest = manifestName("NONE");
    const changes: Record<string, Record<string, Buffer | string | undefined>> = {
      "a part": { [part]: flipped(plain.objects.get(part) ?? Buffer.alloc(0), 9) },
      "a part too few": { [partName(6, "NONE")]: undefined },
      "the manifest": withJson(plain.objects, manifest, { databases: [] }),
      "the header's time": withJson(plain.objects, HEADER_NAME, { createdAt: "2030-01-01T00:00:00.000Z" }),
    };
    for (const [what, change] of Object.entries(changes))
      await expect(signerIn(reindexed(plain.objects, change)), what).rejects.toEqual(
        errorOf("ARTIFACT_TAMPERED"),
      );
    const order = (jsonOf(plain.objects, INDEX_NAME)["objects"] as object[]).toReversed();
    await expect(
      signerIn(changed(plain.objects, withJson(plain.objects, INDEX_NAME, { objects: order }))),
    ).rejects.toEqual(errorOf("ARTIFACT_TAMPERED"));
  });

  it("cannot lose its signature by accident, nor have another's", async () => {
    const index = (fields: object) => changed(plain.objects, withJson(plain.objects, INDEX_NAME, fields));
    const tampered = errorOf("ARTIFACT_TAMPERED");
    await expect(signerIn(index({ signature: undefined }))).rejects.toEqual(tampered);
    const foreign = await sample({ kind: "NONE" }, plain.id, theirs);
    const { signature } = jsonOf(foreign.objects, INDEX_NAME);
    await expect(signerIn(index({ signature }))).rejects.toEqual(tampered);
    await expect(signerIn(index({ signature: { publicKey: ours.publicKey, value: "" } }))).rejects.toEqual(
      tampered,
    );
    await expect(signerIn(index({ signature: "mine" }))).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
    // Whoever takes it away on purpose makes an artifact that nobody has signed.
    const header = withJson(plain.objects, HEADER_NAME, { signedBy: undefined });
    const stripped = reindexed(plain.objects, header);
    const bare = changed(stripped, withJson(stripped, INDEX_NAME, { signature: undefined }));
    expect(await signerIn(bare)).toBeNull();
  });

  it("whose header is silent about it is refused", async () => {
    const header = withJson(plain.objects, HEADER_NAME, { signedBy: undefined });
    await expect(signerIn(reindexed(plain.objects, header))).rejects.toEqual(errorOf("ARTIFACT_TAMPERED"));
  });

  it("is, for an earlier reader, one that has two fields more", async () => {
    const { signature: _, ...index } = jsonOf(plain.objects, INDEX_NAME);
    const { signedBy: _by, ...header } = jsonOf(plain.objects, HEADER_NAME);
    expect(Object.keys(index)).toEqual(Object.keys(jsonOf(unsigned.objects, INDEX_NAME)));
    expect(Object.keys(header)).toEqual(Object.keys(jsonOf(unsigned.objects, HEADER_NAME)));
    expect([...plain.objects.keys()]).toEqual([...unsigned.objects.keys()]);
  });
});

describe("another key for a signed artifact", () => {
  const rekeyed = async (from: Sample, trusted: string | undefined) =>
    objectsOf((sink) =>
      sourceOf(from.objects).then((source) =>
        rekeyArtifact(
          source,
          sink,
          {
            unlock: { identity: owner.identity },
            encryption: { kind: "RECIPIENTS", recipients: [owner.recipient] },
            signerAfter: (by) => (by !== null && by === trusted ? ours : undefined),
          },
          signal,
        ),
      ),
    );

  it("means a new signature, if its author is known", async () => {
    const foreign = await sample({ kind: "RECIPIENTS", recipients: [owner.recipient] }, undefined, theirs);
    const after = await rekeyed(foreign, theirs.publicKey);
    expect(await signerIn(after)).toBe(ours.publicKey);
    expect(await readAll(await sourceOf(after), { identity: owner.identity })).toEqual(foreign.texts);
  });

  it("means none for a stranger's: nobody vouches for what he has not made", async () => {
    const foreign = await sample({ kind: "RECIPIENTS", recipients: [owner.recipient] }, undefined, theirs);
    const after = await rekeyed(foreign, ours.publicKey);
    expect(await signerIn(after)).toBeNull();
    expect(await readAll(await sourceOf(after), { identity: owner.identity })).toEqual(foreign.texts);
  });
});
