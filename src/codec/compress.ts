// zstd, as a stage that takes large batches. Node compresses on its thread pool, once for each write: a batch of some
// 1 MiB makes the crossing cheap, and leaves the main thread free for the socket.
import { pipeline, Readable } from "node:stream";
import { constants, createZstdCompress, createZstdDecompress, zstdCompressSync } from "node:zlib";
import { HoldfastError } from "../core/errors.ts";
import { noteSpent } from "./spent-buffers.ts";

/**
 * Compressing is most of what a backup costs on this side, so CPU decides. On 400 MB of log rows level 3 took 1.7 times the
 * CPU of level 1 and saved nothing; a window of 128 KiB instead of level 1's 512 KiB, which stays in the processor's cache,
 * took 15 to 20 % less for 2 % more bytes. A hash table of 32 KiB, which stays there too, asked only for matches that are worth
 * it, took another tenth and more off, and made the log rows smaller by one per cent, others by as much larger or smaller.
 */
const PARAMETERS = {
  [constants.ZSTD_c_compressionLevel]: 1,
  [constants.ZSTD_c_windowLog]: 17,
  [constants.ZSTD_c_hashLog]: 13,
  [constants.ZSTD_c_minMatch]: 6,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/** 8 MiB, what RFC 8878 asks every decoder to accept; a frame that wants more memory than that is not ours. */
const WINDOW_LOG_MAX = 23;

/** Less than the 128 KiB from which on malloc asks the system for memory, and gives it back, each time. */
const OUTPUT_CHUNK_BYTES = 120 * 1024;
const LEAST_CHUNK_BYTES = 1024;

/**
 * What comes in one batch of at most so many bytes is compressed in one call, in less than a millisecond: thousands of small tables
 * would otherwise leave a stream and its buffers each to the garbage collector.
 */
const SMALL_BYTES = 128 * 1024;

export interface Compressor {
  /**
   * Resolves when the batch has been consumed and may be overwritten. Batches that are written before that wait
   * their turn; whoever writes must not run further ahead than it has memory for.
   */
  write(batch: Uint8Array): Promise<void>;
  /** Ends the frame; resolves after the last output. */
  end(): Promise<void>;
  /** Gives up; harmless after the end. */
  destroy(): void;
}

/**
 * One zstd frame with a checksum.
 * @param onOutput is called with every piece of the frame, in order; the piece is the receiver's to keep
 */
export function createCompressor(onOutput: (bytes: Buffer) => void): Compressor {
  let small: Buffer | undefined;
  let stream: Compressor | undefined;
  let destroyed = false;
  const openStream = (): Compressor => {
    if (destroyed) throw new Error(CLOSED);
    return createStreamCompressor(onOutput);
  };
  return {
    write: async (batch) => {
      if (stream === undefined && small === undefined && batch.length <= SMALL_BYTES && !destroyed) {
        small = Buffer.from(batch);
        return;
      }
      const before = stream === undefined ? small : undefined;
      stream ??= openStream();
      // Both are queued before anything is waited for: batches that are written meanwhile come after them.
      await Promise.all([before && stream.write(before), stream.write(batch)]);
    },
    end: async () => {
      if (stream !== undefined) return stream.end();
      if (destroyed) throw new Error(CLOSED);
      onOutput(compressSmall(small ?? Buffer.alloc(0)));
    },
    destroy: () => {
      destroyed = true;
      stream?.destroy();
    },
  };
}

const CLOSED = "the compressor was closed before its end";

function compressSmall(bytes: Buffer): Buffer {
  // What does not compress becomes larger by a header and three bytes for each block of 128 KiB.
  return zstdCompressSync(bytes, { chunkSize: bytes.length + LEAST_CHUNK_BYTES, params: PARAMETERS });
}

function createStreamCompressor(onOutput: (bytes: Buffer) => void): Compressor {
  const stream = createZstdCompress({ chunkSize: OUTPUT_CHUNK_BYTES, params: PARAMETERS });
  const ended = new Promise<void>((resolve, reject) => {
    stream.once("end", resolve).once("error", reject);
    stream.once("close", () => reject(new Error(CLOSED)));
  });
  ended.catch(() => {}); // whoever calls end() sees it; nobody else has to
  stream.on("data", (bytes: Buffer) => {
    try {
      onOutput(bytes);
    } catch (error) {
      stream.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  });
  return {
    write: (batch) =>
      new Promise((resolve, reject) => {
        stream.write(batch, (error) => (error ? reject(error) : resolve()));
      }),
    end: async () => {
      stream.end();
      await ended;
    },
    destroy: () => {
      stream.destroy();
    },
  };
}

/**
 * The contents of one zstd frame, in pieces of at most 120 KiB however much they swell. Stops decompressing when
 * the consumer stops reading.
 * @param name for messages
 * @param expectedBytes how much there should be, so that little gets little memory; there may be any amount
 * @throws HoldfastError ARTIFACT_CORRUPT for anything but exactly one whole frame; what `frame` throws, as it is
 */
export async function* decompress(
  frame: Iterable<Uint8Array>,
  name: string,
  expectedBytes = OUTPUT_CHUNK_BYTES,
): AsyncGenerator<Buffer> {
  const stream = createZstdDecompress({
    chunkSize: Math.min(OUTPUT_CHUNK_BYTES, expectedBytes + LEAST_CHUNK_BYTES),
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG_MAX },
  });
  let compressedBytes = 0;
  const counted = function* () {
    for (const bytes of frame) {
      compressedBytes += bytes.length;
      yield bytes;
    }
  };
  // A failure on either side destroys `stream` with it, and so comes out of the loop below.
  pipeline(Readable.from(counted(), { objectMode: true }), stream, () => {});
  try {
    for await (const bytes of stream as AsyncIterable<Buffer>) {
      yield bytes;
      noteSpent(bytes.length);
    }
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    throw new HoldfastError("ARTIFACT_CORRUPT", `${name} does not decompress.`, { cause: error });
  }
  if (stream.bytesWritten !== compressedBytes)
    throw new HoldfastError("ARTIFACT_CORRUPT", `${name} goes on after the end of its zstd frame.`);
}
