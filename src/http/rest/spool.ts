// Uploads on their way through: each in a file that its owner alone may read, and that is gone when it has been dealt with.
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, rm, stat, statfs } from "node:fs/promises";
import path from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HoldfastError } from "../../core/errors.ts";

export interface SpooledFile extends AsyncDisposable {
  readonly path: string;
  /**
   * Writes the file, in bounded memory.
   * @returns its size
   * @throws HoldfastError NO_SPACE; the stream's own error; the signal's reason
   */
  fill(bytes: Readable, signal: AbortSignal): Promise<number>;
}

export interface Spool {
  /**
   * A new file that is not there yet; disposing of it deletes it.
   * @param expectedBytes what will come, where that is known
   * @throws HoldfastError NO_SPACE where so much does not fit
   */
  reserve(expectedBytes: number | undefined): Promise<SpooledFile>;
}

/** A file that nobody has written to for a day was left by a process that died. */
const STALE_MS = 24 * 60 * 60 * 1000;
const WRITE_BYTES = 512 * 1024;

/** @param directory made with mode 0700 at the first upload, if it is not there */
export function createSpool(directory: string): Spool {
  let ready: Promise<void> | undefined;
  return {
    async reserve(expectedBytes) {
      ready ??= prepare(directory).catch((error: unknown) => {
        ready = undefined;
        throw error;
      });
      await ready;
      const { bavail, bsize } = await statfs(directory);
      if (expectedBytes !== undefined && expectedBytes > bavail * bsize)
        throw noSpace(`The server has room for ${bavail * bsize} bytes.`);
      const file = path.join(directory, randomUUID());
      return {
        path: file,
        async fill(bytes, signal) {
          const writer = createWriteStream(file, { flags: "wx", mode: 0o600, highWaterMark: WRITE_BYTES });
          try {
            await pipeline(bytes, writer, { signal });
          } catch (error) {
            signal.throwIfAborted();
            throw isFull(error) ? noSpace("The server has no more room.", error) : error;
          }
          return writer.bytesWritten;
        },
        [Symbol.asyncDispose]: () => rm(file, { force: true }),
      };
    },
  };
}

async function prepare(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const oldest = Date.now() - STALE_MS;
  for (const name of await readdir(directory)) {
    const file = path.join(directory, name);
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile() === true && found.mtimeMs < oldest) await rm(file, { force: true });
  }
}

function isFull(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && ["ENOSPC", "EDQUOT", "EFBIG"].includes(String(error.code))
  );
}

function noSpace(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("NO_SPACE", `The file cannot be kept while it is looked at. ${message}`, {
    cause,
  });
}
