// Files that are being written, in stores that are directories: they lie apart until they are whole, under names that say
// which keys they are for, so that whoever deletes what lies under a key's beginning finds them, too.
import { createHash, randomUUID } from "node:crypto";

/** Keys cannot begin with a dot, so none can lie here. */
export const INCOMING = ".incoming";
/** A file that nobody has written to for a day was left by a process that died. */
export const STALE_MS = 24 * 60 * 60 * 1000;

/** A new name, in {@link INCOMING}, for what is to become the object of the key. */
export function incomingName(key: string): string {
  return incomingPrefix(key.split("/", 1)[0] ?? key) + randomUUID();
}

/** What the names of all files begin with that are to become objects under a key's first segment. */
export function incomingPrefix(segment: string): string {
  // A segment may be as long as a file's name may be.
  return `${createHash("sha256").update(segment).digest("hex").slice(0, 32)}-`;
}
