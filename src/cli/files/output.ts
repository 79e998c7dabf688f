// Where a command writes: a file that appears under its name only when it is whole, or standard output.
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open, readdir, realpath, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { HoldfastError } from "../../core/errors.ts";
import { UsageError } from "../failure.ts";

/** Stands for standard output, or standard input. */
export const STANDARD = "-";

export interface Output {
  readonly stream: Writable;
  /** Where intermediate files may go: on the same disk as the output, if it is a file. */
  readonly directory: string | undefined;
  /** Ends the stream, makes the bytes durable and gives them their name. */
  commit(): Promise<void>;
  /** Leaves nothing behind; harmless after `commit`. */
  discard(): Promise<void>;
}

const BUFFER_BYTES = 1024 * 1024;

/**
 * Opens an output; its user commits or discards it.
 * @param name of a file, which is overwritten if it is there, or `-`
 * @throws UsageError for a directory; HoldfastError STORE_FAILED where the file cannot be written
 */
export async function openOutput(name: string): Promise<Output> {
  if (name === STANDARD) return standardOutput();
  const target = await realpath(name).catch(() => path.resolve(name));
  const found = await stat(target).catch(() => undefined);
  if (found?.isDirectory() === true) throw new UsageError(`${name} is a directory.`, "Name a file.");
  // Devices and pipes cannot be replaced, and /dev/null shall not be.
  if (found !== undefined && !found.isFile()) return pipeOutput(name);
  return fileOutput(name, target);
}

/** Opens an output, has it written, and commits it; when `write` throws, nothing is left of it. */
export async function writeOutput<T>(name: string, write: (output: Output) => Promise<T>): Promise<T> {
  const output = await openOutput(name);
  try {
    const result = await write(output);
    await output.commit();
    return result;
  } catch (error) {
    await output.discard();
    throw error;
  }
}

async function fileOutput(name: string, target: string): Promise<Output> {
  const directory = path.dirname(target);
  const partial = path.join(directory, `.holdfast-${randomUUID()}.partial`);
  const handle = await open(partial, "wx", 0o600).catch((error: unknown) => {
    throw notWritten(name, error);
  });
  const stream = handle.createWriteStream({ highWaterMark: BUFFER_BYTES, flush: true });
  stream.on("error", () => {}); // whoever writes, or commits, is told
  return {
    stream,
    directory,
    commit: async () => {
      try {
        stream.end();
        await finished(stream);
        await rename(partial, target);
        await syncDirectory(directory);
      } catch (error) {
        throw notWritten(name, error);
      }
    },
    discard: async () => {
      if (!stream.closed) {
        stream.destroy();
        await finished(stream).catch(() => undefined);
      }
      await rm(partial, { force: true });
    },
  };
}

function pipeOutput(name: string): Output {
  const stream = createWriteStream(name, { flags: "w", highWaterMark: BUFFER_BYTES });
  return streamOutput(stream, (error) => notWritten(name, error));
}

/** Not `process.stdout` itself: what is written may be given up, and the process goes on to say why. */
function standardOutput(): Output {
  const stream = new Writable({
    write: (chunk: Uint8Array, _encoding, done) => {
      process.stdout.write(chunk, (error) => done(error));
    },
  });
  return streamOutput(stream, (error) => notWritten("standard output", error));
}

function streamOutput(stream: Writable, failure: (error: unknown) => HoldfastError): Output {
  stream.on("error", () => {});
  return {
    stream,
    directory: undefined,
    commit: async () => {
      stream.end();
      await finished(stream).catch((error: unknown) => {
        throw failure(error);
      });
    },
    discard: async () => {
      stream.destroy();
    },
  };
}

/**
 * Has a directory written, which appears under its name only when it is whole.
 * @param name of a directory that is not there yet, or empty
 * @throws UsageError where it is not
 */
export async function writeOutputDirectory<T>(
  name: string,
  write: (directory: string) => Promise<T>,
): Promise<T> {
  const target = path.resolve(name);
  const entries = await readdir(target).catch((error: unknown) => {
    if (isErrno(error, "ENOENT")) return [];
    throw new UsageError(`${name} is not a directory.`);
  });
  if (entries.length > 0)
    throw new UsageError(`${name} is not empty.`, "Name a directory that is not there yet.");
  const partial = path.join(path.dirname(target), `.holdfast-${randomUUID()}.partial`);
  await mkdir(partial, { mode: 0o700 }).catch((error: unknown) => {
    throw notWritten(name, error);
  });
  try {
    const result = await write(partial);
    await rename(partial, target);
    await syncDirectory(path.dirname(target));
    return result;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** Makes a file's name as durable as its contents. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function notWritten(name: string, cause: unknown): HoldfastError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError("STORE_FAILED", `${name} could not be written: ${reason}`, {
    hint: "Check the path, who may write there, and the space that is left.",
    cause,
  });
}

function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
