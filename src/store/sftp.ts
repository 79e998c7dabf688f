// A store on an SFTP server. An object is a file of its key's name; it is written elsewhere in the store's directory, synced,
// and renamed into place, so that at every moment it is whole or not there.
import { posix } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { FileEntryWithStats, Stats } from "ssh2";
import { HoldfastError } from "../core/errors.ts";
import type { SftpDeclaration } from "../core/store-declaration.ts";
import { bodyChunks, noSuchObject, rangeWithin } from "./body.ts";
import { INCOMING, incomingName, incomingPrefix, STALE_MS } from "./incoming.ts";
import { checkKey } from "./key.ts";
import { dialSftp, isNoSuchFile, type SftpConnection } from "./sftp-connection.ts";
import { remoteFile } from "./sftp-file.ts";
import { makeFile, moveInto, openFile, statPath } from "./sftp-paths.ts";
import { sftpPool, type SftpPool } from "./sftp-pool.ts";
import type { GetOptions, LookOptions, PutOptions, Store, StoredObject } from "./store.ts";
import { listTree, type TreeEntry } from "./tree.ts";

/** How long a put that was stopped waits until it has tidied up; a server that is gone keeps nobody. */
const TIDY_MS = 1_500;

/**
 * Opens no connection yet.
 * @param agent where SSH_AUTH_SOCK points, for a declaration that names nothing to sign in with
 */
export function sftpStore(declaration: SftpDeclaration, agent?: string): Store {
  const { host, port = 22, username } = declaration;
  const pool = sftpPool(() => dialSftp(declaration, agent));
  const remote: Remote = { pool, directory: posix.normalize(declaration.directory) };
  const url = `sftp://${encodeURIComponent(username)}@${host.includes(":") ? `[${host}]` : host}:${port}`;
  let swept: Promise<void> | undefined;
  return {
    kind: "sftp",
    place: `${url}/${remote.directory}`,
    put: async (key, body, options = {}) => {
      checkKey(key);
      swept ??= sweep(remote);
      await swept;
      await putFile(remote, key, body, options);
    },
    get: (key, options = {}) => readFile(remote, key, options),
    list: (prefix, options = {}) =>
      listTree((parent) => entriesUnder(remote, parent, options), prefix, options.signal),
    stat: async (key, options = {}) => {
      checkKey(key);
      return await statFile(remote, key, options);
    },
    delete: async (key, options = {}) => {
      checkKey(key);
      await deleteFile(remote, key, options);
    },
    deleteUnfinished: async (segment, options = {}) => {
      checkKey(segment);
      await deleteIncoming(remote, incomingPrefix(segment), options);
    },
    close: () => pool.close(),
  };
}

interface Remote {
  readonly pool: SftpPool;
  /** Absolute, or relative to where a session starts. */
  readonly directory: string;
}

/** What is asked of the server for one key, again on another connection where one is lost. */
function ask<T>(
  { pool }: Remote,
  act: string,
  request: (connection: SftpConnection) => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  return pool
    .persist(async () => {
      const lease = await pool.lease();
      try {
        return await request(lease.connection);
      } finally {
        lease.release();
      }
    }, signal)
    .catch((error: unknown) => {
      signal?.throwIfAborted();
      throw refusal(act, error);
    });
}

function refusal(act: string, error: unknown): Error {
  if (error instanceof HoldfastError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new HoldfastError("STORE_FAILED", `The SFTP store could not ${act}: ${reason}`, { cause: error });
}

async function putFile(
  remote: Remote,
  key: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: PutOptions,
): Promise<void> {
  const { signal } = options;
  const temporary = posix.join(remote.directory, INCOMING, incomingName(key));
  const file = remoteFile({
    pool: remote.pool,
    open: (connection, isAgain) =>
      // What the server has answered it has: the file goes on where it was.
      isAgain ? openFile(connection, temporary, "r+") : makeFile(connection, temporary),
    onRefusal: (error) => refusal(`write ${key}`, error),
  });
  try {
    const sizeBytes = await file.write(bodyChunks(key, body, options), signal);
    await file.sync();
    if ((await file.stat()).size !== sizeBytes)
      throw new HoldfastError("STORE_FAILED", `The SFTP store has not kept all of ${key}.`);
    await file.close();
    signal?.throwIfAborted();
    await ask(remote, `write ${key}`, (connection) =>
      moveInto(connection, temporary, posix.join(remote.directory, key)),
    );
  } catch (error) {
    await tidy(remote, temporary, () => file.close());
    throw error;
  }
}

/** Never rejects: what cannot be taken away now is swept later. */
async function tidy(remote: Remote, temporary: string, close: () => Promise<void>): Promise<void> {
  const tidying = async () => {
    await close();
    await ask(remote, "tidy up", (connection) =>
      connection.tell((sftp, done) => sftp.unlink(temporary, done)),
    );
  };
  const patience = new AbortController();
  await Promise.race([
    tidying().catch(() => undefined),
    delay(TIDY_MS, undefined, { signal: patience.signal }).catch(() => undefined),
  ]);
  patience.abort();
}

async function statFile(
  remote: Remote,
  key: string,
  { signal }: LookOptions,
): Promise<StoredObject | undefined> {
  const stats = await ask(
    remote,
    `look at ${key}`,
    (connection) => statPath(connection, posix.join(remote.directory, key)),
    signal,
  );
  return stats?.isFile() === true ? describe(key, stats) : undefined;
}

function describe(key: string, { size, mtime }: Pick<Stats, "size" | "mtime">): StoredObject {
  return { key, sizeBytes: size, modifiedAt: new Date(mtime * 1000) };
}

async function* readFile(remote: Remote, key: string, options: GetOptions): AsyncGenerator<Uint8Array> {
  checkKey(key);
  const { signal } = options;
  // Never through a link that somebody put under the key.
  const found = await statFile(remote, key, options);
  if (found === undefined) throw noSuchObject(key);
  let opened: Stats | undefined;
  const file = remoteFile({
    pool: remote.pool,
    open: async (connection) => {
      const handle = await openFile(connection, posix.join(remote.directory, key), "r");
      const stats = await connection.ask<Stats>((sftp, done) => sftp.fstat(handle, done));
      opened ??= stats;
      if (stats.size === opened.size && stats.mtime === opened.mtime) return handle;
      throw new HoldfastError("STORE_FAILED", `${key} was replaced while it was read.`);
    },
    onRefusal: (error) => (isNoSuchFile(error) ? noSuchObject(key) : refusal(`read ${key}`, error)),
  });
  try {
    const { size } = await file.stat();
    const { start, end } = rangeWithin(size, options);
    yield* file.read(start, end, signal);
  } finally {
    await file.close();
  }
}

async function entriesUnder(remote: Remote, parent: string, { signal }: LookOptions): Promise<TreeEntry[]> {
  const entries = await readEntries(remote, posix.join(remote.directory, parent), `list ${parent}`, signal);
  return entries
    .filter(({ attrs }) => attrs.isFile() || attrs.isDirectory())
    .map(({ filename, attrs }) => ({
      name: filename,
      isDirectory: attrs.isDirectory(),
      describe: async (key) => describe(key, attrs),
    }));
}

/** None where there is no such directory. */
async function readEntries(
  remote: Remote,
  path: string,
  act: string,
  signal?: AbortSignal,
): Promise<FileEntryWithStats[]> {
  return ask(
    remote,
    act,
    (connection) =>
      connection
        .ask<FileEntryWithStats[]>((sftp, done) => sftp.readdir(path, done))
        .catch((error: unknown) => {
          if (isNoSuchFile(error)) return [];
          throw error;
        }),
    signal,
  );
}

async function deleteFile(remote: Remote, key: string, { signal }: LookOptions): Promise<void> {
  await ask(
    remote,
    `delete ${key}`,
    async (connection) => {
      try {
        await connection.tell((sftp, done) => sftp.unlink(posix.join(remote.directory, key), done));
      } catch (error) {
        const left = await statPath(connection, posix.join(remote.directory, key));
        if (left?.isFile() === true) throw error;
      }
      // Directories that this leaves empty go too, up to the store's own. One that is not empty refuses.
      for (let parent = posix.dirname(key); parent !== "."; parent = posix.dirname(parent)) {
        try {
          await connection.tell((sftp, done) => sftp.rmdir(posix.join(remote.directory, parent), done));
        } catch (error) {
          if (!isNoSuchFile(error)) break;
        }
      }
    },
    signal,
  );
}

async function deleteIncoming(remote: Remote, prefix: string, { signal }: LookOptions): Promise<void> {
  const incoming = posix.join(remote.directory, INCOMING);
  for (const { filename } of await readEntries(remote, incoming, "tidy up", signal)) {
    if (!filename.startsWith(prefix)) continue;
    await ask(
      remote,
      "tidy up",
      (connection) =>
        connection
          .tell((sftp, done) => sftp.unlink(posix.join(incoming, filename), done))
          .catch((error: unknown) => {
            if (!isNoSuchFile(error)) throw error;
          }),
      signal,
    );
  }
}

/** Removes what processes that died have left. What it cannot remove does no harm. */
async function sweep(remote: Remote): Promise<void> {
  const oldest = (Date.now() - STALE_MS) / 1000;
  const incoming = posix.join(remote.directory, INCOMING);
  const entries = await readEntries(remote, incoming, "sweep").catch(() => []);
  for (const { filename, attrs } of entries) {
    if (!attrs.isFile() || attrs.mtime >= oldest) continue;
    await ask(remote, "sweep", (connection) =>
      connection.tell((sftp, done) => sftp.unlink(posix.join(incoming, filename), done)),
    ).catch(() => undefined);
  }
}
