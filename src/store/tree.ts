// Lists a tree of directories as the flat space of keys that a store is: the same for files here and files on a server.
import { compareKeys, isFileSystemsOwn, isSegment } from "./key.ts";
import type { StoredObject } from "./store.ts";

/** A file or a directory; nothing else has a key. */
export interface TreeEntry {
  readonly name: string;
  readonly isDirectory: boolean;
  /** Of a file, by its key; undefined if it is gone by now. */
  readonly describe: (key: string) => Promise<StoredObject | undefined>;
}

/**
 * Every file whose key starts with the prefix (exactly, as a string), in order of key.
 * @param readDirectory the entries of a directory, in no order: none where there is no such directory. It is named by ""
 * or by a path that ends with "/", below the store's own.
 */
export async function* listTree(
  readDirectory: (parent: string) => Promise<readonly TreeEntry[]>,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredObject> {
  // No key lies under a directory that is no segment, and none is looked for there: `../` leads nowhere.
  const parent = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const isPath = parent === "" || parent.slice(0, -1).split("/").every(isSegment);
  signal?.throwIfAborted();
  if (prefix.isWellFormed() && isPath) yield* listUnder(readDirectory, parent, prefix, signal);
}

/** @param prefix begins with `parent` or is the beginning of it */
async function* listUnder(
  readDirectory: (parent: string) => Promise<readonly TreeEntry[]>,
  parent: string,
  prefix: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<StoredObject> {
  // A directory stands in the order where its keys stand: "a-b" < "a/b" < "ab".
  const entries = (await readDirectory(parent))
    .filter(({ name }) => isSegment(name) && !isFileSystemsOwn(`${parent}${name}`))
    .map((entry) => ({ ...entry, path: `${parent}${entry.name}${entry.isDirectory ? "/" : ""}` }))
    .toSorted((one, other) => compareKeys(one.path, other.path));
  for (const { path, isDirectory, describe } of entries) {
    signal?.throwIfAborted();
    if (isDirectory) {
      if (path.startsWith(prefix) || prefix.startsWith(path))
        yield* listUnder(readDirectory, path, prefix, signal);
    } else if (path.startsWith(prefix)) {
      const object = await describe(path);
      if (object !== undefined) yield object;
    }
  }
}
