// Artifacts as released versions wrote them: every later version reads them. Made once by test/golden/make.ts, never made again;
// a new version of the format adds its own beside them.
import path from "node:path";
import { describe, expect, it } from "vitest";
import { installationSigner } from "../../src/codec/signature.ts";
import { storeSource, tarSource, type ArtifactSource } from "../../src/engine/artifact-io.ts";
import type { Unlock } from "../../src/engine/artifact-reader.ts";
import { openArtifact } from "../../src/engine/artifact-reader.ts";
import { openSingleFile } from "../../src/engine/single-file.ts";
import { verifyContents } from "../../src/engine/verify.ts";
import { fsStore } from "../../src/store/fs.ts";
import { collect, copyText } from "../codec/fixtures.ts";
import { GOLDEN_IDENTITY, GOLDEN_PASSPHRASE, GOLDEN_SECRET } from "../golden/keys.ts";

const GOLDEN = path.join(import.meta.dirname, "../golden");
const store = fsStore({ directory: path.join(GOLDEN, "store-v1") });
const SIGNED_BY = installationSigner(GOLDEN_SECRET).publicKey;

const identity: Unlock = { identity: GOLDEN_IDENTITY };
const passphrase: Unlock = { passphrase: GOLDEN_PASSPHRASE };
/** Names, what opens them, and whether they are signed. */
const ARTIFACTS: readonly (readonly [name: string, unlock: Unlock, isSigned: boolean])[] = [
  // Before there were signatures.
  ["artifact-v1-none.tar", {}, false],
  ["artifact-v1-recipients.tar", identity, false],
  ["artifact-v1-passphrase.tar", passphrase, false],
  ["artifact-v1-none-signed.tar", {}, true],
  ["artifact-v1-recipients-signed.tar", identity, true],
  ["artifact-v1-passphrase-signed.tar", passphrase, true],
  ["store-v1/none", {}, false],
  ["store-v1/recipients", identity, false],
  ["store-v1/passphrase", passphrase, false],
  ["store-v1/none-signed", {}, true],
  ["store-v1/recipients-signed", identity, true],
  ["store-v1/passphrase-signed", passphrase, true],
  // With another key laid beside, and not yet in its place.
  ["store-v1/rekeyed", identity, true],
];

function open(name: string): Promise<ArtifactSource> | ArtifactSource {
  return name.endsWith(".tar") ? tarSource(path.join(GOLDEN, name)) : storeSource(store, path.basename(name));
}

describe("an artifact of an earlier version", () => {
  it.each(ARTIFACTS)("is read as it was written: %s", { timeout: 60_000 }, async (name, unlock, isSigned) => {
    const source = await open(name);
    try {
      const artifact = await openArtifact(source, unlock);
      const { manifest, signedBy, artifactIdentity } = artifact;
      expect(manifest.tables.map(({ name, rows }) => [name, rows])).toEqual([
        ["users", 30],
        ["events", 3000],
        ["nothing", 0],
      ]);
      expect(signedBy).toBe(isSigned ? SIGNED_BY : null);
      for (const [table, rows] of [30, 3000].entries()) {
        const parts = manifest.parts.filter((part) => part.table === table);
        const texts = await Promise.all(parts.map((part) => collect(artifact.readPart(part))));
        expect(Buffer.concat(texts)).toEqual(copyText(rows));
      }
      const again: Unlock = artifactIdentity === null ? {} : { artifactIdentity };
      expect(await verifyContents(source, again, new AbortController().signal)).toMatchObject({
        objects: expect.any(Number),
      });
    } finally {
      await source.close();
    }
  });

  it("in a store is downloaded as one file, whatever lies beside", async () => {
    for (const [name] of ARTIFACTS.filter(([name]) => name.startsWith("store-v1/"))) {
      const file = await openSingleFile(store, path.basename(name));
      const bytes = await collect(file.read({ start: 0, end: file.sizeBytes }));
      expect(bytes.length, name).toBe(file.sizeBytes);
    }
  });
});
