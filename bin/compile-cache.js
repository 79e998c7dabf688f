// Keeps what V8 has made of the sources from one start to the next. Plain JavaScript that old versions of Node can read as well.
import * as module from "node:module";
import { userInfo } from "node:os";
import { join } from "node:path";

/**
 * Below the home of the account that the process runs under, whatever $HOME says: code that runs is found there, and under `sudo` that
 * may be somebody else's. Does nothing where it cannot be written, or where NODE_COMPILE_CACHE names another directory.
 * To be called when V8's flags are set, which the directory is named after.
 */
export function keepCompiled() {
  try {
    module.enableCompileCache?.(join(userInfo().homedir, ".cache", "holdfast"));
  } catch {
    // An account of no name.
  }
}
