// What is done to paths on an SFTP server, each over one connection. They throw what the connection throws.
import { posix } from "node:path";
import type { OpenMode, Stats } from "ssh2";
import { isNoSuchFile, isUnsupported, type SftpConnection } from "./sftp-connection.ts";

export function openFile(connection: SftpConnection, path: string, flags: OpenMode): Promise<Buffer> {
  return connection.ask<Buffer>((sftp, done) => sftp.open(path, flags, { mode: 0o600 }, done));
}

/** With the directory that it is in. */
export async function makeFile(connection: SftpConnection, path: string): Promise<Buffer> {
  try {
    return await openFile(connection, path, "w");
  } catch (error) {
    if (!isNoSuchFile(error)) throw error;
  }
  await makeDirectory(connection, posix.dirname(path));
  return await openFile(connection, path, "w");
}

/** Renames. A delete beside may take the empty directory away again: then once more. */
export async function moveInto(connection: SftpConnection, from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await renameOver(connection, from, to);
      return;
    } catch (error) {
      if (!isNoSuchFile(error) || attempt === 10) throw error;
    }
    // The answer to a rename may have been lost with its connection: nobody else knows the temporary name.
    const isMoved =
      (await statPath(connection, from)) === undefined && (await statPath(connection, to))?.isFile();
    if (isMoved === true) return;
    await makeDirectory(connection, posix.dirname(to));
  }
}

/** In one step where the server can (OpenSSH's can): SFTP's own rename refuses a name that is taken. */
async function renameOver(connection: SftpConnection, from: string, to: string): Promise<void> {
  try {
    await connection.tell((sftp, done) => sftp.ext_openssh_rename(from, to, done));
    return;
  } catch (error) {
    if (!isUnsupported(error)) throw error;
  }
  const rename = () => connection.tell((sftp, done) => sftp.rename(from, to, done));
  try {
    await rename();
  } catch (error) {
    if ((await statPath(connection, to))?.isFile() !== true) throw error;
    await connection.tell((sftp, done) => sftp.unlink(to, done));
    await rename();
  }
}

/** With every missing directory above it. */
async function makeDirectory(connection: SftpConnection, path: string): Promise<void> {
  const make = () => connection.tell((sftp, done) => sftp.mkdir(path, { mode: 0o700 }, done));
  try {
    await make();
  } catch (error) {
    if (isNoSuchFile(error) && posix.dirname(path) !== path) {
      await makeDirectory(connection, posix.dirname(path));
      await make().catch(async (again: unknown) => {
        if ((await statPath(connection, path, true))?.isDirectory() !== true) throw again;
      });
    } else if ((await statPath(connection, path, true))?.isDirectory() !== true) throw error;
  }
}

/**
 * Undefined where there is nothing.
 * @param follow whether a link counts as what it points to
 */
export async function statPath(
  connection: SftpConnection,
  path: string,
  follow = false,
): Promise<Stats | undefined> {
  try {
    return await connection.ask<Stats>((sftp, done) =>
      follow ? sftp.stat(path, done) : sftp.lstat(path, done),
    );
  } catch (error) {
    if (isNoSuchFile(error)) return undefined;
    throw error;
  }
}
