// zstd in both directions: every edge, every damage, and memory that does not follow what a frame claims.
import { zstdCompressSync, zstdDecompressSync, constants } from "node:zlib";
import { describe, expect, it } from "vitest";

import { createCompressor, decompress } from "../../src/codec/compress.ts";
import { HoldfastError } from "../../src/core/errors.ts";
import { collect, copyText, errorOf, flipped, noise } from "./fixtures.ts";

async function compressed(plain: Buffer, step = plain.length || 1): Promise<Buffer> {
  const frame: Buffer[] = [];
  const compressor = createCompressor((bytes) => frame.push(bytes));
  for (let at = 0; at < plain.length; at += step) await compressor.write(plain.subarray(at, at + step));
  await compressor.end();
  return Buffer.concat(frame);
}

const MIB = 1024 * 1024;

describe("createCompressor", () => {
  it.each([0, 1, 1024 * 1024, 1024 * 1024 + 1, 3_000_000])(
    "makes one frame that zstd knows: %i bytes",
    async (size) => {
      const plain = noise(size);
      expect(zstdDecompressSync(await compressed(plain))).toEqual(plain);
      expect(zstdDecompressSync(await compressed(plain, 700_001))).toEqual(plain);
    },
  );

  it("puts a checksum into the frame", async () => {
    const frame = await compressed(copyText(1000));
    expect((frame[4] ?? 0) & 0b100, "the checksum flag of the frame header").toBe(0b100);
  });

  it("fails where the receiver of its output fails, and does not throw elsewhere", async () => {
    const compressor = createCompressor(() => {
      throw new Error("no space");
    });
    await compressor.write(noise(2_000_000)).catch(() => {});
    await expect(compressor.end()).rejects.toThrow("no space");
  });

  it("rejects what is still to come once it is destroyed", async () => {
    const compressor = createCompressor(() => {});
    compressor.destroy();
    await expect(compressor.write(noise(10))).rejects.toBeInstanceOf(Error);
    await expect(compressor.end()).rejects.toBeInstanceOf(Error);
  });
});

describe("decompress", () => {
  const plain = Buffer.concat([noise(300_000), copyText(20_000)]);

  it("gives back what went in, however the frame is cut", async () => {
    const frame = await compressed(plain);
    const bytewise = Array.from({ length: frame.length }, (_, at) => frame.subarray(at, at + 1));
    expect(await collect(decompress([frame], "x"))).toEqual(plain);
    expect(await collect(decompress([frame.subarray(0, 5), frame.subarray(5)], "x"))).toEqual(plain);
    expect(await collect(decompress(bytewise.slice(0, 2000).concat(frame.subarray(2000)), "x"))).toEqual(
      plain,
    );
    expect(await collect(decompress([await compressed(Buffer.alloc(0))], "x"))).toHaveLength(0);
  });

  it("refuses a frame that is cut anywhere, and nothing at all", async () => {
    const frame = await compressed(plain);
    for (const length of [0, 1, 4, 8, 1000, 200_000, frame.length - 5, frame.length - 4, frame.length - 1])
      await expect(collect(decompress([frame.subarray(0, length)], "x"))).rejects.toEqual(
        errorOf("ARTIFACT_CORRUPT"),
      );
    await expect(collect(decompress([], "x"))).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
  });

  it("refuses bytes after the frame, in the same piece and in another", async () => {
    const frame = await compressed(plain);
    for (const pieces of [
      [Buffer.concat([frame, Buffer.from("x")])],
      [frame, Buffer.from("x")],
      [frame, noise(100_000)],
    ])
      await expect(collect(decompress(pieces, "x"))).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
  });

  it("refuses a flipped bit", async () => {
    const frame = await compressed(plain);
    for (let at = 0; at < frame.length; at += 4001)
      await expect(collect(decompress([flipped(frame, at * 8 + 3)], "x"))).rejects.toEqual(
        errorOf("ARTIFACT_CORRUPT"),
      );
  });

  it("refuses a frame that wants a window of 128 MiB", async () => {
    const greedy = zstdCompressSync(Buffer.alloc(200_000_000), {
      params: { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_compressionLevel]: 1 },
    });
    await expect(collect(decompress([greedy], "x"))).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
  });

  it("decompresses no further than its reader reads", async () => {
    const bomb = zstdCompressSync(Buffer.alloc(500_000_000), {
      params: { [constants.ZSTD_c_windowLog]: 20 },
    });
    let largest = 0;
    let read = 0;
    for await (const bytes of decompress([bomb], "x")) {
      largest = Math.max(largest, bytes.length);
      read += bytes.length;
      if (read > 2_000_000) break;
    }
    expect(largest).toBeLessThanOrEqual(512 * 1024);
  });

  it("leaves no more than some batches behind for the garbage collector", async () => {
    const frame = zstdCompressSync(Buffer.alloc(200 * MIB));
    const before = process.memoryUsage().arrayBuffers;
    let most = 0;
    for await (const _ of decompress([frame], "x"))
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    expect(most).toBeLessThan(40 * MIB);
  });

  it("passes on what the source of the frame says of itself", async () => {
    const error = new HoldfastError("ARTIFACT_TAMPERED", "from the source");
    const failing = function* () {
      yield noise(0);
      throw error;
    };
    await expect(collect(decompress(failing(), "x"))).rejects.toBe(error);
  });
});
