// How the memory of a process of Holdfast's is set. Plain JavaScript that old versions of Node can read as well.
import { setFlagsFromString } from "node:v8";

/**
 * glibc's malloc: buffers of 128 KiB and more go back to the system when they are freed. By itself it raises that size to
 * 32 MiB as it goes, and keeps what it has, for each of its threads (mallopt(3)): here another 60 to 90 MB.
 */
export const MALLOC = {
  MALLOC_ARENA_MAX: "2",
  MALLOC_MMAP_THRESHOLD_: "131072",
  MALLOC_TRIM_THRESHOLD_: "131072",
};

/**
 * Before anything is loaded: loading some thousand modules lets V8's young generation grow to its limit, where it stays: 150 MB that
 * nothing here needs, for rows never become objects.
 */
export function keepHeapLow() {
  setFlagsFromString("--semi-space-growth-factor=1");
}
