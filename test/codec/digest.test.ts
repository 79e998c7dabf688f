import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readVerified, readWithin, sha256 } from "../../src/codec/digest.ts";
import { errorOf, flipped, noise } from "./fixtures.ts";

const bytes = noise(100_000);
const seal = {
  name: "parts/x",
  sizeBytes: bytes.length,
  sha256: createHash("sha256").update(bytes).digest("hex"),
};

async function* inPieces(of: Buffer, step = 30_000) {
  for (let at = 0; at < of.length; at += step) yield of.subarray(at, at + step);
}

describe("readVerified", () => {
  it("gives the bytes back, however they come", async () => {
    expect(await readVerified(inPieces(bytes), seal)).toEqual(bytes);
    expect(await readVerified(inPieces(bytes, 1_000_000), seal)).toEqual(bytes);
    const nothing = { name: "x", sizeBytes: 0, sha256: sha256(Buffer.alloc(0)) };
    expect(await readVerified(inPieces(Buffer.alloc(0)), nothing)).toHaveLength(0);
  });

  it("tells what ends early from what is changed or goes on", async () => {
    const read = (of: Buffer) => readVerified(inPieces(of), seal);
    await expect(read(bytes.subarray(0, -1))).rejects.toEqual(errorOf("ARTIFACT_INCOMPLETE"));
    await expect(read(flipped(bytes, 12_345))).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
    await expect(read(Buffer.concat([bytes, Buffer.alloc(1)]))).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
  });

  it("stops reading as soon as there is more than there should be", async () => {
    let pieces = 0;
    const endless = async function* () {
      for (;;) {
        pieces += 1;
        yield noise(60_000);
      }
    };
    await expect(readVerified(endless(), seal)).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
    expect(pieces).toBe(2);
  });
});

describe("readWithin", () => {
  it("gives what is within the limit and refuses what is not", async () => {
    expect(await readWithin(inPieces(bytes), "x", bytes.length)).toEqual(bytes);
    await expect(readWithin(inPieces(bytes), "x", bytes.length - 1)).rejects.toEqual(
      errorOf("ARTIFACT_CORRUPT"),
    );
  });
});
