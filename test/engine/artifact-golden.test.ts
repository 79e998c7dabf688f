// Artifacts as released versions wrote them: every later version reads them. Made once by `writeSample`, never made again;
// a new version of the format adds its own beside them.
import path from "node:path";
import { describe, expect, it } from "vitest";
import { tarSource } from "../../src/engine/artifact-io.ts";
import { openArtifact, type Unlock } from "../../src/engine/artifact-reader.ts";
import { collect, copyText } from "../codec/fixtures.ts";

const GOLDEN = path.join(import.meta.dirname, "../golden");

/** Of these files alone. */
const IDENTITY = "AGE-SECRET-KEY-1W4XPMFYP5AA5KSSTK3QF7P6NX94ZCJNYXJ30JFQM9NGH5M5RDSTSGAWYTG";

const ARTIFACTS: readonly [file: string, unlock: Unlock][] = [
  ["artifact-v1-none.tar", {}],
  ["artifact-v1-recipients.tar", { identity: IDENTITY }],
  ["artifact-v1-passphrase.tar", { passphrase: "correct horse battery staple" }],
];

describe("an artifact of an earlier version", () => {
  it.each(ARTIFACTS)("is read as it was written: %s", { timeout: 60_000 }, async (file, unlock) => {
    const source = await tarSource(path.join(GOLDEN, file));
    try {
      const artifact = await openArtifact(source, unlock);
      const { manifest } = artifact;
      expect(manifest.tables.map(({ name, rows }) => [name, rows])).toEqual([
        ["users", 30],
        ["events", 3000],
        ["nothing", 0],
      ]);
      for (const [table, rows] of [30, 3000].entries()) {
        const parts = manifest.parts.filter((part) => part.table === table);
        const texts = await Promise.all(parts.map((part) => collect(artifact.readPart(part))));
        expect(Buffer.concat(texts)).toEqual(copyText(rows));
      }
    } finally {
      await source.close();
    }
  });
});
