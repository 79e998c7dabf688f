// A disk of the harness's own, small enough to be filled: a tmpfs, where the machine lets it be mounted.
import { execFile } from "node:child_process";
import { mkdir, open, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import type { Warden } from "./warden.ts";

const run = promisify(execFile);
const BLOCK = Buffer.alloc(1024 * 1024);

export interface Disk {
  readonly directory: string;
  /** Until nothing more goes onto it. */
  fill(): Promise<void>;
  free(): Promise<void>;
}

/** undefined: it may not be mounted, for this is not root or a container without the right. */
export async function mountDisk(
  directory: string,
  sizeBytes: number,
  warden: Warden,
): Promise<Disk | undefined> {
  await mkdir(directory, { recursive: true });
  if (process.getuid?.() !== 0) return undefined;
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${sizeBytes},mode=0755`, "tmpfs", directory]);
  } catch {
    return undefined;
  }
  warden.watch({ mount: directory });
  const ballast = path.join(directory, "ballast");
  return {
    directory,
    async fill() {
      const file = await open(ballast, "a");
      try {
        // The last blocks are smaller than one write.
        for (let sizeOf = BLOCK.length; sizeOf >= 4096;) {
          try {
            await file.write(BLOCK.subarray(0, sizeOf));
          } catch {
            sizeOf /= 4;
          }
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast, { force: true }),
  };
}
