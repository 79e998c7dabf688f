// Makes the artifacts that every later version must read: node test/golden/make.ts. What is there already is never made again: a
// later version of the format, or a part of it that was added, gets files of its own, and a line in artifact-golden.test.ts.
import { createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import path from "node:path";
import { finished } from "node:stream/promises";
import { encryptToRecipients } from "../../src/codec/age.ts";
import { sha256 } from "../../src/codec/digest.ts";
import { installationSigner } from "../../src/codec/signature.ts";
import { INDEX_NAME, KEY_NAME, type ArtifactIndex } from "../../src/core/artifact.ts";
import { storeSink, storeSource, tarSink } from "../../src/engine/artifact-io.ts";
import { readIndex, unlockIdentity } from "../../src/engine/artifact-reader.ts";
import { signIndex } from "../../src/engine/artifact-signature.ts";
import type { ArtifactEncryption } from "../../src/engine/artifact-writer.ts";
import { fsStore } from "../../src/store/fs.ts";
import { CREATED_AT, writeSample } from "../engine/artifact-fixture.ts";
import { GOLDEN_IDENTITY, GOLDEN_PASSPHRASE, GOLDEN_RECIPIENT, GOLDEN_SECRET } from "./keys.ts";

const ENCRYPTIONS = {
  none: { kind: "NONE" },
  passphrase: { kind: "PASSPHRASE", passphrase: GOLDEN_PASSPHRASE },
  recipients: { kind: "RECIPIENTS", recipients: [GOLDEN_RECIPIENT] },
} satisfies Record<string, ArtifactEncryption>;
const signer = installationSigner(GOLDEN_SECRET);
const store = fsStore({ directory: path.join(import.meta.dirname, "store-v1") });

async function make(name: string, write: () => Promise<unknown>): Promise<void> {
  const there = await stat(path.join(import.meta.dirname, name)).catch(() => undefined);
  if (there === undefined) await write();
  process.stdout.write(`${name} ${there === undefined ? "is made" : "is there"}\n`);
}

for (const [kind, encryption] of Object.entries(ENCRYPTIONS)) {
  for (const [is, by] of [
    ["", undefined],
    ["-signed", signer],
  ] as const) {
    const file = `artifact-v1-${kind}${is}.tar`;
    await make(file, async () => {
      const stream = createWriteStream(path.join(import.meta.dirname, file));
      await writeSample(tarSink(stream, CREATED_AT), encryption, undefined, by);
      await finished(stream.end());
    });
    const prefix = `${kind}${is}`;
    await make(`store-v1/${prefix}`, () => writeSample(storeSink(store, prefix), encryption, undefined, by));
  }
}

/** Given another key by a process that died when it had laid everything beside, and put nothing in its place. */
await make("store-v1/rekeyed", async () => {
  await writeSample(storeSink(store, "rekeyed"), ENCRYPTIONS.recipients, undefined, signer);
  const source = storeSource(store, "rekeyed");
  const indexed = await readIndex(source);
  const identity = await unlockIdentity(source, indexed, { identity: GOLDEN_IDENTITY });
  const key = await encryptToRecipients(Buffer.from(`${identity}\n`), [GOLDEN_RECIPIENT]);
  const objects = indexed.index.objects.map((object) =>
    object.name === KEY_NAME ? { name: KEY_NAME, sizeBytes: key.length, sha256: sha256(key) } : object,
  );
  const index: ArtifactIndex = signIndex({ ...indexed.index, objects }, signer);
  const header = Buffer.from(`${JSON.stringify(indexed.header)}\n`);
  await store.put("rekeyed/rekey/key.age", key);
  await store.put("rekeyed/rekey/holdfast.json", header);
  await store.put(`rekeyed/rekey/${INDEX_NAME}`, Buffer.from(`${JSON.stringify(index)}\n`));
});
