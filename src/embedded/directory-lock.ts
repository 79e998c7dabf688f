// A lock on a directory that the kernel lets go of when its holder dies, however it dies: nothing to clean up after
// kill -9 and no guessing from process ids. Node has no flock, but SQLite's lock on an open file is of that kind.
import { DatabaseSync } from "node:sqlite";

const SQLITE_BUSY = 5;

/** Held until it is released or the process ends. */
export interface DirectoryLock {
  release(): void;
}

/**
 * Takes the lock, without waiting. The file stays where it is afterwards: deleting it would let a second holder in.
 * @returns undefined when another process, or another holder in this one, has it.
 */
export function tryLock(file: string): DirectoryLock | undefined {
  const holder = new DatabaseSync(file, { timeout: 0 });
  try {
    holder.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    holder.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  return { release: () => holder.close() };
}
