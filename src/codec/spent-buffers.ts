// Buffers that are dropped as fast as they are made. V8 frees them with the young objects that hold them, and looks at those when
// small objects have filled their space: which rows that never become objects do not, until a hundred megabytes are waiting.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Buffers count for V8's heap: with a small young generation some 9 MB of them make it mark all that lives, which in a backup
 * took a fifth of the CPU on this side. To look at the young ones takes half a millisecond.
 */
const LOOK_EVERY_BYTES = 3 * 1024 * 1024;

type Collect = (options: { readonly type: "minor" | "major" }) => void;

// The only way to it in a process that was not started with `--expose-gc` (https://nodejs.org/api/v8.html, `--expose-gc`).
setFlagsFromString("--expose-gc");
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what that flag makes of this name
const collect = runInNewContext("gc") as Collect;

let spentBytes = 0;

/** Says that so many bytes of buffers have been made that will be dropped soon. */
export function noteSpent(sizeBytes: number): void {
  spentBytes += sizeBytes;
  if (spentBytes < LOOK_EVERY_BYTES) return;
  spentBytes = 0;
  collect({ type: "minor" });
}

/** Once everything is loaded: what loading has left behind would otherwise stay until a run needs the place. */
export function collectAll(): void {
  collect({ type: "major" });
}
