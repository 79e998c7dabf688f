// A store in a directory. An object is a file of its key's name, readable by the owner alone; it is written elsewhere in
// the directory, synced, and renamed into place, so that at every moment it is whole or not there.
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rm, rmdir, unlink, type FileHandle } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HoldfastError } from "../core/errors.ts";
import { bodyChunks, noSuchObject, rangeWithin } from "./body.ts";
import { INCOMING, incomingName, incomingPrefix, STALE_MS } from "./incoming.ts";
import { checkKey } from "./key.ts";
import type { GetOptions, PutOptions, Store, StoredObject } from "./store.ts";
import { listTree, type TreeEntry } from "./tree.ts";

const READ_BYTES = 512 * 1024;

export interface FsStoreOptions {
  /** Made with mode 0700 at the first put if it is not there. */
  readonly directory: string;
}

export function fsStore(options: FsStoreOptions): Store {
  const directory = resolve(options.directory);
  let swept: Promise<void> | undefined;
  return {
    kind: "fs",
    place: directory,
    put: async (key, body, options = {}) => {
      checkKey(key);
      swept ??= sweep(join(directory, INCOMING));
      await swept;
      await putFile(directory, key, body, options);
    },
    get: (key, options = {}) => readFile(directory, key, options),
    list: (prefix, options = {}) =>
      listTree((parent) => entriesUnder(directory, parent), prefix, options.signal),
    stat: async (key, options = {}) => {
      checkKey(key);
      options.signal?.throwIfAborted();
      return await statFile(directory, key);
    },
    delete: async (key, options = {}) => {
      checkKey(key);
      options.signal?.throwIfAborted();
      await deleteFile(directory, key);
    },
    deleteUnfinished: async (segment, options = {}) => {
      checkKey(segment);
      options.signal?.throwIfAborted();
      await deleteIncoming(join(directory, INCOMING), incomingPrefix(segment));
    },
    close: async () => {},
  };
}

async function putFile(
  directory: string,
  key: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<void> {
  const medium = failuresOf(`write ${key}`);
  const incoming = join(directory, INCOMING);
  const temporary = join(incoming, incomingName(key));
  const file = await medium(() => inDirectory(incoming, () => open(temporary, "wx", 0o600)));
  try {
    try {
      for await (const chunk of bodyChunks(key, body, options)) await medium(() => writeAll(file, chunk));
      await medium(() => file.sync());
    } finally {
      await file.close();
    }
    await medium(() => moveInto(temporary, join(directory, key)));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function writeAll(file: FileHandle, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += (await file.write(chunk, at)).bytesWritten;
}

/** Renames, and makes the new name durable. */
async function moveInto(from: string, to: string): Promise<void> {
  await inDirectory(dirname(to), () => rename(from, to));
  await syncDirectory(dirname(to));
}

/**
 * Makes the directory if the act finds that it is not there: of thousands of puts, the first does. A delete beside may take the empty
 * directory away again: then once more.
 */
async function inDirectory<T>(path: string, act: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!isErrno(error, "ENOENT") || attempt === 10) throw error;
    }
    await makeDirectory(path);
  }
}

/** With every missing directory above it; what is new is durable when this resolves. */
async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let parent = dirname(path); parent.length >= dirname(first).length; parent = dirname(parent)) {
    await syncDirectory(parent);
    if (parent === dirname(parent)) return;
  }
}

interface DirectorySync {
  readonly done: Promise<void>;
  next: Promise<void> | undefined;
}

const syncs = new Map<string, DirectorySync>();

/** Many who ask at the same time wait for the same one. */
function syncDirectory(path: string): Promise<void> {
  const underway = syncs.get(path);
  if (underway === undefined) return startSync(path);
  // It may have begun before what the caller has done: the one after it has not.
  const start = () => startSync(path);
  underway.next ??= underway.done.then(start, start);
  return underway.next;
}

function startSync(path: string): Promise<void> {
  const sync: DirectorySync = { done: syncNow(path), next: undefined };
  syncs.set(path, sync);
  const leave = () => {
    if (sync.next === undefined) syncs.delete(path);
  };
  sync.done.then(leave, leave);
  return sync.done;
}

async function syncNow(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function* readFile(directory: string, key: string, options: GetOptions): AsyncGenerator<Uint8Array> {
  checkKey(key);
  options.signal?.throwIfAborted();
  const medium = failuresOf(`read ${key}`);
  const file = await medium(() => openFile(join(directory, key)));
  if (file === undefined) throw noSuchObject(key);
  try {
    const { start, end } = rangeWithin((await medium(() => file.stat())).size, options);
    for (let at = start; at < end;) {
      options.signal?.throwIfAborted();
      // A new buffer each time: the chunk is the consumer's to keep.
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - at));
      const { bytesRead } = await medium(() => file.read(buffer, 0, buffer.length, at));
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

/** Undefined where there is no regular file; never follows a link that somebody put under the key. */
async function openFile(path: string): Promise<FileHandle | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    if ((await file.stat()).isFile()) return file;
    await file.close();
  } catch (error) {
    if (!isErrno(error, "ENOENT", "ENOTDIR", "ELOOP")) throw error;
  }
  return undefined;
}

async function statFile(directory: string, key: string): Promise<StoredObject | undefined> {
  const stats = await failuresOf(`look at ${key}`)(async () => {
    try {
      return await lstat(join(directory, key));
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  });
  if (stats?.isFile() !== true) return undefined;
  return { key, sizeBytes: stats.size, modifiedAt: stats.mtime };
}

/** The entries of a directory; none where there is no directory. */
async function entriesUnder(directory: string, parent: string): Promise<TreeEntry[]> {
  const entries = await failuresOf(`list ${parent}`)(() => readEntries(join(directory, parent)));
  return entries
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => ({
      name: entry.name,
      isDirectory: entry.isDirectory(),
      describe: (key) => statFile(directory, key),
    }));
}

async function readEntries(path: string) {
  try {
    return await readdir(path, { withFileTypes: true });
  } catch (error) {
    if (isErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}

async function deleteFile(directory: string, key: string): Promise<void> {
  await failuresOf(`delete ${key}`)(async () => {
    try {
      await unlink(join(directory, key));
    } catch (error) {
      if (!isErrno(error, "ENOENT", "ENOTDIR", "EISDIR", "EPERM")) throw error;
      if ((await statFile(directory, key)) !== undefined) throw error;
    }
    // Directories that this leaves empty go too, up to the store's own.
    for (let parent = dirname(key); parent !== "."; parent = dirname(parent)) {
      try {
        await rmdir(join(directory, parent));
      } catch (error) {
        if (isErrno(error, "ENOTEMPTY", "EEXIST", "ENOTDIR")) break;
        if (!isErrno(error, "ENOENT")) throw error;
      }
    }
  });
}

async function deleteIncoming(incoming: string, prefix: string): Promise<void> {
  await failuresOf("tidy up")(async () => {
    for (const { name } of await readEntries(incoming))
      if (name.startsWith(prefix)) await rm(join(incoming, name), { force: true });
  });
}

/** Removes what processes that died have left. What it cannot remove does no harm. */
async function sweep(incoming: string): Promise<void> {
  const oldest = Date.now() - STALE_MS;
  for (const entry of await readEntries(incoming).catch(() => [])) {
    const path = join(incoming, entry.name);
    const stats = await lstat(path).catch(() => undefined);
    if (stats?.isFile() === true && stats.mtimeMs < oldest) await rm(path, { force: true }).catch(() => {});
  }
}

/** Runs something on the file system; what fails there comes out as STORE_FAILED. */
function failuresOf(act: string): <T>(run: () => Promise<T>) => Promise<T> {
  return async (run) => {
    try {
      return await run();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new HoldfastError("STORE_FAILED", `The file store could not ${act}: ${reason}`, { cause: error });
    }
  };
}

function isErrno(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
