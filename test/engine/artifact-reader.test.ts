// Reading artifacts: whole ones of every kind, and every way in which one can be damaged, mixed up or forged.
import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";
import { encryptToRecipients, generateIdentity, type AgeKeyPair } from "../../src/codec/age.ts";
import { sha256 } from "../../src/codec/digest.ts";
import { HEADER_NAME, INDEX_NAME, KEY_NAME, manifestName, partName } from "../../src/core/artifact.ts";
import { openArtifact, readIndex } from "../../src/engine/artifact-reader.ts";
import { errorOf, flipped, noise } from "../codec/fixtures.ts";
import {
  changed,
  jsonOf,
  readAll,
  reindexed,
  sample,
  sourceOf,
  type Objects,
  type Sample,
} from "./artifact-fixture.ts";

const PASSPHRASE = "correct horse battery staple";
const SCRYPT_TIMEOUT_MS = 120_000;

let owner: AgeKeyPair;
let plain: Sample;
let sealed: Sample;
/** Of the same recipient. */
let sibling: Sample;
let locked: Sample;
beforeAll(async () => {
  owner = await generateIdentity();
  plain = await sample({ kind: "NONE" });
  sealed = await sample({ kind: "RECIPIENTS", recipients: [owner.recipient] });
  sibling = await sample({ kind: "RECIPIENTS", recipients: [owner.recipient] });
  locked = await sample({ kind: "PASSPHRASE", passphrase: PASSPHRASE });
}, SCRYPT_TIMEOUT_MS);

const readPlain = async (objects: Objects) => readAll(await sourceOf(objects));
const readSealed = async (objects: Objects) => readAll(await sourceOf(objects), { identity: owner.identity });
const withJson = (objects: Objects, name: string, fields: object) =>
  JSON.stringify({ ...jsonOf(objects, name), ...fields });

/** The names that an artifact's objects have in the store. */
const namesOf = (objects: Objects) => [...objects.keys()];

describe("an artifact that is whole", () => {
  it(
    "gives back every part's rows, whatever its encryption",
    async () => {
      expect(await readPlain(plain.objects)).toEqual(plain.texts);
      expect(await readSealed(sealed.objects)).toEqual(sealed.texts);
      expect(await readAll(await sourceOf(locked.objects), { passphrase: PASSPHRASE })).toEqual(locked.texts);
    },
    SCRYPT_TIMEOUT_MS,
  );

  it("shows what it is: header, index, manifest", async () => {
    const artifact = await openArtifact(await sourceOf(plain.objects));
    expect(artifact.header).toEqual({
      format: "holdfast",
      version: 1,
      id: plain.id,
      createdAt: "2026-11-22T10:00:00.000Z",
      encryption: "NONE",
    });
    expect(artifact.index.objects.map(({ name }) => name)).toEqual([
      HEADER_NAME,
      ...[1, 2, 3, 4, 5, 6].map((number) => partName(number, "NONE")),
      manifestName("NONE"),
    ]);
    expect(artifact.manifest).toEqual(plain.manifest);
  });

  it("shows without its key no name of an entity, a table or a column", async () => {
    const visible =
      Buffer.concat([...sealed.objects.values()]).toString("latin1") + namesOf(sealed.objects).join(" ");
    for (const word of ["users", "USERS", "events", "public", "what", "signed in", "18.4"])
      expect(visible).not.toContain(word);
    const { header, index } = await readIndex(await sourceOf(sealed.objects));
    expect(header.encryption).toBe("RECIPIENTS");
    expect(index.objects).toHaveLength(9);
  });

  it("is not disturbed by objects that it does not know", async () => {
    expect(await readPlain(changed(plain.objects, { "notes.txt": "mine", "parts/left-over": "x" }))).toEqual(
      plain.texts,
    );
  });

  it("may be read by several readers at once, in any order", async () => {
    const artifact = await openArtifact(await sourceOf(sealed.objects), { identity: owner.identity });
    const parts = artifact.manifest.parts.toReversed();
    const texts = await Promise.all(
      parts.map(async (part) => Buffer.concat(await Array.fromAsync(artifact.readPart(part)))),
    );
    expect(texts.toReversed()).toEqual(sealed.texts);
  });

  it("stops a read when its signal is aborted", async () => {
    const source = await sourceOf(plain.objects);
    const reason = new Error("cancelled");
    await expect(openArtifact(source, {}, AbortSignal.abort(reason))).rejects.toBe(reason);
    const artifact = await openArtifact(source);
    const [part] = artifact.manifest.parts;
    const reading = part && Array.fromAsync(artifact.readPart(part, AbortSignal.abort(reason)));
    await expect(reading).rejects.toBe(reason);
  });
});

describe("unlocking", () => {
  const opening = async (of: Sample, unlock: Parameters<typeof openArtifact>[1]) =>
    openArtifact(await sourceOf(of.objects), unlock);

  it("asks for what the artifact needs, and is not content with something else", async () => {
    await expect(opening(locked, undefined)).rejects.toEqual(errorOf("PASSPHRASE_REQUIRED"));
    await expect(opening(locked, { identity: owner.identity })).rejects.toEqual(
      errorOf("PASSPHRASE_REQUIRED"),
    );
    await expect(opening(sealed, {})).rejects.toEqual(errorOf("IDENTITY_REQUIRED"));
    await expect(opening(sealed, { passphrase: PASSPHRASE })).rejects.toEqual(errorOf("IDENTITY_REQUIRED"));
  });

  it(
    "tells a wrong passphrase and a wrong identity by their names",
    async () => {
      const stranger = await generateIdentity();
      await expect(opening(locked, { passphrase: "wrong" })).rejects.toEqual(errorOf("WRONG_PASSPHRASE"));
      await expect(opening(sealed, { identity: stranger.identity })).rejects.toEqual(
        errorOf("WRONG_IDENTITY"),
      );
      await expect(opening(sealed, { identity: "hunter2" })).rejects.toEqual(errorOf("BAD_INPUT"));
    },
    SCRYPT_TIMEOUT_MS,
  );

  it("ignores what the artifact does not need", async () => {
    expect((await opening(plain, { passphrase: "x", identity: "y" })).header.encryption).toBe("NONE");
    const both = { passphrase: "x", identity: owner.identity };
    expect((await opening(sealed, both)).header.encryption).toBe("RECIPIENTS");
  });

  it("refuses a key that holds something else than an identity", async () => {
    for (const text of ["", "hello", owner.identity.slice(0, -1), `${owner.identity}\n${owner.identity}`]) {
      const key = await encryptToRecipients(Buffer.from(text), [owner.recipient]);
      await expect(readSealed(reindexed(sealed.objects, { [KEY_NAME]: key }))).rejects.toEqual(
        errorOf("ARTIFACT_CORRUPT"),
      );
    }
  });
});

describe("what is known of an artifact from elsewhere", () => {
  it("refuses another artifact in its place, and a plain one in the place of an encrypted one", async () => {
    const source = await sourceOf(sealed.objects);
    const unlock = { identity: owner.identity };
    expect(await readAll(source, unlock, { id: sealed.id, encryption: "RECIPIENTS" })).toEqual(sealed.texts);
    await expect(readAll(source, unlock, { id: sibling.id })).rejects.toEqual(errorOf("ARTIFACT_TAMPERED"));
    const forged = await sourceOf(plain.objects);
    await expect(readAll(forged, unlock, { encryption: "RECIPIENTS" })).rejects.toEqual(
      errorOf("ARTIFACT_TAMPERED"),
    );
  });

  it("refuses one that somebody who knows the recipients made under the same id", async () => {
    const genuine = sha256(sealed.objects.get(manifestName("RECIPIENTS")) ?? Buffer.alloc(0));
    const forged = await sample({ kind: "RECIPIENTS", recipients: [owner.recipient] }, sealed.id);
    const unlock = { identity: owner.identity };
    const expected = { id: sealed.id, encryption: "RECIPIENTS", manifestSha256: genuine } as const;
    expect(await readAll(await sourceOf(sealed.objects), unlock, expected)).toEqual(sealed.texts);
    await expect(readAll(await sourceOf(forged.objects), unlock, expected)).rejects.toEqual(
      errorOf("ARTIFACT_TAMPERED"),
    );
  });
});

describe("a damaged artifact", () => {
  it("is refused for a flipped bit in any byte of its small objects", async () => {
    for (const name of [HEADER_NAME, INDEX_NAME, KEY_NAME]) {
      const bytes = sealed.objects.get(name) ?? Buffer.alloc(0);
      for (let at = 0; at < bytes.length; at++) {
        const damaged = changed(sealed.objects, { [name]: flipped(bytes, at * 8 + (at % 8)) });
        // In the plain objects a flip may change what they say: the format, the version, an id, a size.
        await expect(readSealed(damaged), `${name}, byte ${at}`).rejects.toEqual(
          errorOf(
            "ARTIFACT_CORRUPT",
            "ARTIFACT_TAMPERED",
            "ARTIFACT_INCOMPLETE",
            "NOT_AN_ARTIFACT",
            "ARTIFACT_TOO_NEW",
          ),
        );
      }
    }
  });

  it("is refused for a flipped bit in the manifest or a part, encrypted or not", async () => {
    for (const [of, read] of [
      [sealed, readSealed],
      [plain, readPlain],
    ] as const) {
      for (const name of namesOf(of.objects).filter((name) => /manifest|parts/.test(name))) {
        const bytes = of.objects.get(name) ?? Buffer.alloc(0);
        for (let part = 0; part <= 8; part++) {
          const bit = Math.floor(((bytes.length * 8 - 1) * part) / 8);
          const damaged = changed(of.objects, { [name]: flipped(bytes, bit) });
          await expect(read(damaged), name).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
        }
      }
    }
  });

  it("is incomplete if an object is cut short or missing", async () => {
    for (const name of namesOf(sealed.objects).filter(
      (name) => name !== INDEX_NAME && name !== HEADER_NAME,
    )) {
      const bytes = sealed.objects.get(name) ?? Buffer.alloc(0);
      for (const less of [undefined, bytes.subarray(0, -1), bytes.subarray(0, 40), Buffer.alloc(0)])
        await expect(readSealed(changed(sealed.objects, { [name]: less })), name).rejects.toEqual(
          errorOf("ARTIFACT_INCOMPLETE"),
        );
    }
    for (const name of [INDEX_NAME, HEADER_NAME])
      await expect(readSealed(changed(sealed.objects, { [name]: undefined }))).rejects.toEqual(
        errorOf("ARTIFACT_INCOMPLETE"),
      );
  });

  it("is corrupt if an object has grown, or its plain objects are cut", async () => {
    for (const [name, bytes] of sealed.objects)
      await expect(
        readSealed(changed(sealed.objects, { [name]: Buffer.concat([bytes, noise(1)]) })),
        name,
      ).rejects.toEqual(errorOf("ARTIFACT_CORRUPT", "NOT_AN_ARTIFACT"));
    const index = sealed.objects.get(INDEX_NAME) ?? Buffer.alloc(0);
    await expect(
      readSealed(changed(sealed.objects, { [INDEX_NAME]: index.subarray(0, 300) })),
    ).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
    await expect(readSealed(changed(sealed.objects, { [INDEX_NAME]: "" }))).rejects.toEqual(
      errorOf("ARTIFACT_CORRUPT"),
    );
  });

  it("is incomplete if a part vanishes after it was opened", async () => {
    const source = await sourceOf(plain.objects);
    const artifact = await openArtifact({
      ...source,
      read: (name) => source.read(name.startsWith("parts/") ? "gone" : name),
    });
    const [part] = artifact.manifest.parts;
    await expect(part && Array.fromAsync(artifact.readPart(part))).rejects.toEqual(
      errorOf("ARTIFACT_INCOMPLETE"),
    );
  });

  it("has no room for objects of absurd size", async () => {
    const lie = (name: string, sizeBytes: number) => {
      const index = jsonOf(plain.objects, INDEX_NAME) as { objects: { name: string; sizeBytes: number }[] };
      for (const object of index.objects) if (object.name === name) object.sizeBytes = sizeBytes;
      return changed(plain.objects, { [INDEX_NAME]: JSON.stringify(index) });
    };
    for (const name of [manifestName("NONE"), partName(1, "NONE")])
      await expect(readPlain(lie(name, 2 ** 52))).rejects.toEqual(errorOf("ARTIFACT_INCOMPLETE"));
    const huge = Buffer.alloc(70 * 1024 * 1024, " ");
    await expect(readPlain(reindexed(plain.objects, { [manifestName("NONE")]: huge }))).rejects.toEqual(
      errorOf("ARTIFACT_CORRUPT"),
    );
    await expect(readPlain(changed(plain.objects, { [INDEX_NAME]: huge }))).rejects.toEqual(
      errorOf("ARTIFACT_CORRUPT"),
    );
    await expect(readPlain(changed(plain.objects, { [HEADER_NAME]: huge }))).rejects.toEqual(
      errorOf("ARTIFACT_CORRUPT"),
    );
  });
});

describe("something else than an artifact", () => {
  it("is called so: an empty prefix, a foreign holdfast.json, a foreign index", async () => {
    await expect(readPlain(new Map())).rejects.toEqual(errorOf("NOT_AN_ARTIFACT"));
    await expect(readPlain(new Map([["photo.jpg", noise(100)]]))).rejects.toEqual(errorOf("NOT_AN_ARTIFACT"));
    for (const text of [
      "",
      "{",
      "null",
      "[]",
      '"x"',
      '{"hello":1}',
      '{"format":"other","version":1}',
      "\u00ff",
    ]) {
      await expect(readPlain(changed(plain.objects, { [HEADER_NAME]: text }))).rejects.toEqual(
        errorOf("NOT_AN_ARTIFACT"),
      );
    }
    await expect(readPlain(changed(plain.objects, { [HEADER_NAME]: noise(300) }))).rejects.toEqual(
      errorOf("NOT_AN_ARTIFACT"),
    );
    await expect(readPlain(changed(plain.objects, { [INDEX_NAME]: '{"format":"npm"}' }))).rejects.toEqual(
      errorOf("NOT_AN_ARTIFACT"),
    );
  });

  it("is not confused with an artifact of a later version, whatever that looks like", async () => {
    const later = '{"format":"holdfast","version":2,"layout":"unheard of"}';
    const opening = readPlain(changed(plain.objects, { [HEADER_NAME]: later, [INDEX_NAME]: undefined }));
    await expect(opening).rejects.toEqual(errorOf("ARTIFACT_TOO_NEW"));
    await expect(opening).rejects.toThrow("version 2");
    for (const name of [INDEX_NAME, manifestName("NONE")]) {
      const newer = reindexed(plain.objects, { [name]: withJson(plain.objects, name, { version: 2 }) });
      const objects =
        name === INDEX_NAME ? changed(newer, { [name]: withJson(newer, name, { version: 2 }) }) : newer;
      await expect(readPlain(objects), name).rejects.toEqual(errorOf("ARTIFACT_TOO_NEW"));
    }
  });
});

describe("an artifact that somebody put together, with an index that fits", () => {
  const TAMPERED = errorOf("ARTIFACT_TAMPERED");
  const failure = (objects: Objects) => readSealed(objects).catch((error: unknown) => error);
  const part = (number: number) => partName(number, "RECIPIENTS");
  const of = (from: Sample, name: string) => from.objects.get(name) ?? Buffer.alloc(0);

  it("is found out if parts are swapped, dropped, repeated or added", async () => {
    expect(
      await failure(
        reindexed(sealed.objects, { [part(1)]: of(sealed, part(2)), [part(2)]: of(sealed, part(1)) }),
      ),
    ).toEqual(TAMPERED);
    expect(await failure(reindexed(sealed.objects, { [part(6)]: undefined }))).toEqual(TAMPERED);
    expect(await failure(reindexed(sealed.objects, { [part(2)]: of(sealed, part(1)) }))).toEqual(TAMPERED);
    expect(await failure(reindexed(sealed.objects, { [part(7)]: of(sealed, part(1)) }))).toEqual(TAMPERED);
    expect(await readSealed(reindexed(sealed.objects))).toEqual(sealed.texts);
  });

  it("is found out if something is another artifact's: a part, the key, the manifest, all but the header", async () => {
    const manifest = manifestName("RECIPIENTS");
    expect(await failure(reindexed(sealed.objects, { [part(1)]: of(sibling, part(1)) }))).toEqual(TAMPERED);
    expect(await failure(reindexed(sealed.objects, { [KEY_NAME]: of(sibling, KEY_NAME) }))).toEqual(TAMPERED);
    expect(await failure(reindexed(sealed.objects, { [manifest]: of(sibling, manifest) }))).toEqual(TAMPERED);
    expect(
      await failure(
        reindexed(sealed.objects, { [KEY_NAME]: of(sibling, KEY_NAME), [manifest]: of(sibling, manifest) }),
      ),
    ).toEqual(TAMPERED);
    const renamed = { [HEADER_NAME]: of(sealed, HEADER_NAME) };
    const index = withJson(reindexed(sibling.objects, renamed), INDEX_NAME, { id: sealed.id });
    expect(await failure(changed(sibling.objects, { ...renamed, [INDEX_NAME]: index }))).toEqual(TAMPERED);
    expect(await failure(changed(sealed.objects, { [INDEX_NAME]: of(sibling, INDEX_NAME) }))).toEqual(
      TAMPERED,
    );
  });

  it("is found out if its header is changed: its time, its kind of encryption", async () => {
    const header = (fields: object) => ({ [HEADER_NAME]: withJson(sealed.objects, HEADER_NAME, fields) });
    expect(
      await failure(reindexed(sealed.objects, header({ createdAt: "2020-01-01T00:00:00.000Z" }))),
    ).toEqual(TAMPERED);
    expect(await failure(reindexed(sealed.objects, header({ encryption: "NONE" })))).toEqual(TAMPERED);
    const asPassphrase = await sourceOf(reindexed(sealed.objects, header({ encryption: "PASSPHRASE" })));
    await expect(readAll(asPassphrase, { passphrase: "any" })).rejects.toEqual(errorOf("WRONG_PASSPHRASE"));
  });

  it("cannot make its reader leave the prefix, or read an object twice", async () => {
    const first = { sizeBytes: 1, sha256: "0".repeat(64) };
    for (const name of [
      "../other/holdfast.json",
      "/etc/passwd",
      "parts/../../x",
      "parts/1.copy.zst.age",
      "parts/0000001.copy.zst.age",
      "parts/000000.copy.zst.age",
      part(1),
      "parts/000009.copy.zst",
      INDEX_NAME,
      "extra",
    ]) {
      const index = jsonOf(sealed.objects, INDEX_NAME) as { objects: object[] };
      index.objects.push({ name, ...first });
      expect(await failure(changed(sealed.objects, { [INDEX_NAME]: JSON.stringify(index) }))).toEqual(
        TAMPERED,
      );
    }
  });

  it("cannot leave the key or the manifest out", async () => {
    expect(await failure(reindexed(sealed.objects, { [KEY_NAME]: undefined }))).toEqual(TAMPERED);
    expect(await failure(reindexed(sealed.objects, { [manifestName("RECIPIENTS")]: undefined }))).toEqual(
      TAMPERED,
    );
  });
});

describe("a manifest that does not fit", () => {
  type Part = Record<string, unknown>;
  const manifest = manifestName("NONE");
  const withManifest = (fields: object) =>
    readPlain(reindexed(plain.objects, { [manifest]: withJson(plain.objects, manifest, fields) }));
  const parts = () => (jsonOf(plain.objects, manifest) as { parts: Part[] }).parts;

  it("is refused: another id or time, a doubled part, one of no table, one that is no part", async () => {
    await expect(withManifest({})).resolves.toEqual(plain.texts);
    await expect(withManifest({ id: randomUUID() })).rejects.toEqual(errorOf("ARTIFACT_TAMPERED"));
    await expect(withManifest({ createdAt: "2020-01-01T00:00:00Z" })).rejects.toEqual(
      errorOf("ARTIFACT_TAMPERED"),
    );
    await expect(withManifest({ parts: [...parts(), ...parts().slice(0, 1)] })).rejects.toEqual(
      errorOf("ARTIFACT_TAMPERED"),
    );
    await expect(withManifest({ parts: parts().map((part) => ({ ...part, table: 99 })) })).rejects.toEqual(
      errorOf("ARTIFACT_CORRUPT"),
    );
    const header = (jsonOf(plain.objects, INDEX_NAME) as { objects: Part[] }).objects[0];
    await expect(withManifest({ parts: [...parts(), { ...parts()[0], ...header }] })).rejects.toEqual(
      errorOf("ARTIFACT_TAMPERED"),
    );
  });

  it("is refused if its tables are not the sums of their parts, or a part holds other rows than it says", async () => {
    const moved = parts().map((part, at) => (at === 0 ? { ...part, table: 1 } : part));
    await expect(withManifest({ parts: moved })).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
    const [first, second, ...rest] = parts() as { rows: number; rawBytes: number }[];
    const shifted = [
      { ...first, rows: (first?.rows ?? 0) + 1 },
      { ...second, rows: (second?.rows ?? 0) - 1 },
      ...rest,
    ];
    await expect(withManifest({ parts: shifted })).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
  });

  it("is refused if it is no JSON or no manifest", async () => {
    for (const text of ["", "{", "[]", '{"format":"holdfast-manifest","version":1}', "\u00ff\u00fe"])
      await expect(readPlain(reindexed(plain.objects, { [manifest]: text }))).rejects.toEqual(
        errorOf("ARTIFACT_CORRUPT", "NOT_AN_ARTIFACT"),
      );
  });
});
