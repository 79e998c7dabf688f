// A file on an SFTP server that outlives its connection: when that is lost the file is opened again, and what was not
// answered is asked again. Every request says where in the file it means, so that asking twice does no harm.
import type { Stats } from "ssh2";
import { HoldfastError } from "../core/errors.ts";
import { isEndOfFile, isUnsupported, type SftpConnection } from "./sftp-connection.ts";
import type { SftpLease, SftpPool } from "./sftp-pool.ts";

/** Requests under way for one file: so many fit into the time that one takes to be answered from far away. */
const AHEAD = 4;
const BLOCK_BYTES = 512 * 1024;

export interface RemoteFile {
  /** @throws HoldfastError STORE_FAILED; the signal's reason; what the chunks throw */
  write(chunks: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<number>;
  /** Makes what was written durable, where the server can. */
  sync(): Promise<void>;
  /** @param end within the file */
  read(start: number, end: number, signal?: AbortSignal): AsyncGenerator<Uint8Array>;
  stat(): Promise<Stats>;
  /** Never rejects. */
  close(): Promise<void>;
}

export interface RemoteFileOptions {
  readonly pool: SftpPool;
  /**
   * Opens the file, at first and after a loss.
   * @param isAgain whether it was open before
   */
  readonly open: (connection: SftpConnection, isAgain: boolean) => Promise<Buffer>;
  /** Wraps what the server refuses. */
  readonly onRefusal: (error: unknown) => Error;
}

interface OpenFile extends SftpLease {
  readonly handle: Buffer;
}

export function remoteFile({ pool, open, onRefusal }: RemoteFileOptions): RemoteFile {
  let wasOpen = false;
  let current: Promise<OpenFile> | undefined;

  const reach = async (): Promise<OpenFile> => {
    const lease = await pool.lease();
    try {
      const handle = await open(lease.connection, wasOpen);
      wasOpen = true;
      return { ...lease, handle };
    } catch (error) {
      lease.release();
      throw error;
    }
  };
  const use = <T>(act: (file: OpenFile) => Promise<T>, signal?: AbortSignal): Promise<T> =>
    pool
      .persist(async () => {
        // Whoever asks at the same time shares the opening, and after a loss the opening again.
        const mine = (current ??= reach());
        try {
          return await act(await mine);
        } catch (error) {
          const file = await mine.catch(() => undefined);
          if (file?.connection.isOpen !== true && current === mine) {
            current = undefined;
            file?.release();
          }
          throw error;
        }
      }, signal)
      .catch((error: unknown) => {
        signal?.throwIfAborted();
        throw error instanceof HoldfastError ? error : onRefusal(error);
      });

  const writeAt = (block: Buffer, at: number, signal?: AbortSignal) =>
    use(
      ({ connection, handle }) =>
        connection.tell((sftp, done) => sftp.write(handle, block, 0, block.length, at, done)),
      signal,
    );
  const readAt = async (at: number, sizeBytes: number, signal?: AbortSignal): Promise<Buffer> => {
    const block = Buffer.allocUnsafeSlow(sizeBytes);
    for (let filled = 0; filled < sizeBytes;) {
      const from = filled;
      const readBytes = await use(
        ({ connection, handle }) =>
          connection
            .ask<number>((sftp, done) => sftp.read(handle, block, from, sizeBytes - from, at + from, done))
            .catch((error: unknown) => {
              if (isEndOfFile(error)) return 0;
              throw error;
            }),
        signal,
      );
      if (readBytes === 0) throw new HoldfastError("STORE_FAILED", "The SFTP server ended a file too early.");
      filled += readBytes;
    }
    return block;
  };

  return {
    write: async (chunks, signal) => {
      const writing: Promise<void>[] = [];
      let at = 0;
      try {
        for await (const block of blocksOf(chunks)) {
          const written = writeAt(block, at, signal);
          written.catch(() => undefined);
          writing.push(written);
          at += block.length;
          if (writing.length >= AHEAD) await writing.shift();
        }
        await Promise.all(writing);
        return at;
      } finally {
        await Promise.allSettled(writing);
      }
    },
    sync: () =>
      use(async ({ connection, handle }) => {
        try {
          await connection.tell((sftp, done) => sftp.ext_openssh_fsync(handle, done));
        } catch (error) {
          if (!isUnsupported(error)) throw error;
        }
      }),
    async *read(start, end, signal) {
      const ahead: Promise<Buffer>[] = [];
      let next = start;
      const ask = () => {
        for (; ahead.length < AHEAD && next < end; next += BLOCK_BYTES) {
          const block = readAt(next, Math.min(BLOCK_BYTES, end - next), signal);
          block.catch(() => undefined);
          ahead.push(block);
        }
      };
      try {
        for (ask(); ahead.length > 0; ask()) {
          signal?.throwIfAborted();
          const block = await ahead.shift();
          if (block !== undefined) yield block;
        }
      } finally {
        await Promise.allSettled(ahead);
      }
    },
    stat: () =>
      use(({ connection, handle }) => connection.ask<Stats>((sftp, done) => sftp.fstat(handle, done))),
    close: async () => {
      const file = await current?.catch(() => undefined);
      current = undefined;
      if (file === undefined) return;
      await file.connection.tell((sftp, done) => sftp.close(file.handle, done)).catch(() => undefined);
      file.release();
    },
  };
}

/** Blocks of a good size, each a buffer that is the caller's own until the next is asked for `AHEAD` times. */
async function* blocksOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + BLOCK_BYTES - heldBytes);
      at += piece.length;
      // Copied, for a body may use its buffer again as soon as it is asked for more.
      held.push(Uint8Array.from(piece));
      heldBytes += piece.length;
      if (heldBytes < BLOCK_BYTES) continue;
      yield Buffer.concat(held);
      held = [];
      heldBytes = 0;
    }
  }
  if (heldBytes > 0) yield Buffer.concat(held);
}
