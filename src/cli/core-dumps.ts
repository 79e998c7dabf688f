// Passphrases, keys and rows pass through this process's memory: should it crash, none of that belongs into a file.
import { writeFileSync } from "node:fs";

/**
 * Has the kernel leave all memory out of core dumps, of this process and of those that it starts: what is left of one is registers
 * and the list of what was mapped (https://man7.org/linux/man-pages/man5/core.5.html). Elsewhere than on Linux, `ulimit -c 0` does it.
 */
export function keepMemoryOutOfCoreDumps(): void {
  try {
    writeFileSync("/proc/self/coredump_filter", "0");
  } catch {
    // Not Linux, or /proc may not be written here.
  }
}
