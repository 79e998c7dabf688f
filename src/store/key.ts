// Which strings are keys of a store: the same for every medium, so that an artifact can be moved from any to any.
import { HoldfastError } from "../core/errors.ts";

const KEY_BYTES_MAX = 1024;
const SEGMENT_BYTES_MAX = 255;

/** File systems keep it for themselves at their root, and few may read it. */
const FILE_SYSTEMS_OWN = "lost+found";

/**
 * Segments joined by "/", none empty, the first not "lost+found", none starting with "." (which keeps `..` out and leaves stores names for files
 * of their own), no control characters or backslashes, at most 255 bytes a segment and 1,024 in all as UTF-8.
 * @throws HoldfastError BAD_INPUT otherwise
 */
export function checkKey(key: string): void {
  if (!isKey(key)) throw new HoldfastError("BAD_INPUT", `${JSON.stringify(key)} is not a key of a store.`);
}

/** Whether `checkKey` takes it. */
export function isKey(key: string): boolean {
  return (
    key.isWellFormed() &&
    Buffer.byteLength(key) <= KEY_BYTES_MAX &&
    key.split("/").every(isSegment) &&
    !isFileSystemsOwn(key)
  );
}

/** Whether it is, or lies in, the directory that a file system keeps for itself at a store's root. */
export function isFileSystemsOwn(path: string): boolean {
  return path === FILE_SYSTEMS_OWN || path.startsWith(`${FILE_SYSTEMS_OWN}/`);
}

/** @param segment well-formed Unicode */
export function isSegment(segment: string): boolean {
  return (
    segment !== "" &&
    !segment.startsWith(".") &&
    // oxlint-disable-next-line eslint/no-control-regex -- control characters are what it refuses
    !/[\u0000-\u001f\u007f\\]/.test(segment) &&
    Buffer.byteLength(segment) <= SEGMENT_BYTES_MAX
  );
}

/** The order of keys: that of their UTF-8 bytes, as S3 has it; JavaScript's own differs beyond U+FFFF. */
export function compareKeys(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
