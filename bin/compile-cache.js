// Keeps what V8 has made of the sources from one start to the next. Plain JavaScript that old versions of Node can read as well.
import { mkdirSync } from "node:fs";
import * as module from "node:module";
import { userInfo } from "node:os";
import { join } from "node:path";

/**
 * Below the home of the account that the process runs under, whatever $HOME says, and for that account alone: what is found there is run, and
 * under `sudo` $HOME may be somebody else's. Does nothing where it cannot be written, where NODE_COMPILE_CACHE names another directory,
 * or where NODE_DISABLE_COMPILE_CACHE is set.
 * To be called when V8's flags are set, which the directory is named after.
 */
export function keepCompiled() {
  if (module.getCompileCacheDir?.() !== undefined || process.env.NODE_DISABLE_COMPILE_CACHE) return;
  try {
    const directory = join(userInfo().homedir, ".cache", "holdfast");
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    module.enableCompileCache?.(directory);
  } catch {
    // An account of no name, or no home that can be written.
  }
}
