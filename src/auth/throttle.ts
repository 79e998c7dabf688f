// A limit on how often somebody may try: kept in this process's memory, bounded in size.
import { hash } from "node:crypto";
import { HoldfastError } from "../core/errors.ts";

export interface ThrottleOptions {
  /** Attempts within one window. */
  readonly limit: number;
  /** A window begins with its first attempt. */
  readonly windowMs: number;
  /** Of names that are remembered; past it the oldest windows are forgotten. */
  readonly maxNames?: number;
  /** Milliseconds since any fixed moment. */
  readonly now?: () => number;
}

export interface Throttle {
  /**
   * Counts an attempt. It counts before it is known to fail, so that many at once are no way around the limit.
   * @throws HoldfastError TOO_MANY_ATTEMPTS with `details.retryAfterSeconds` when the window is full
   */
  attempt(name: string): void;
  /** Forgets the name's attempts: it got it right. */
  clear(name: string): void;
  /** How many names are remembered. */
  readonly size: number;
}

export function createThrottle(options: ThrottleOptions): Throttle {
  const { limit, windowMs, maxNames = 10_000, now = () => performance.now() } = options;
  // A Map keeps the order of insertion, and all windows are equally long: the first entries end first.
  // Keys are hashed: a name that somebody types may be of any length.
  const windows = new Map<string, { readonly endsAt: number; attempts: number }>();

  function makeRoom(at: number): void {
    for (const [key, window] of windows) {
      if (window.endsAt > at && windows.size < maxNames) return;
      windows.delete(key);
    }
  }

  return {
    attempt(name) {
      const key = hash("sha256", name, "base64");
      const at = now();
      let window = windows.get(key);
      if (window === undefined || window.endsAt <= at) {
        windows.delete(key);
        makeRoom(at);
        window = { endsAt: at + windowMs, attempts: 0 };
        windows.set(key, window);
      }
      if (window.attempts >= limit) {
        const retryAfterSeconds = Math.max(1, Math.ceil((window.endsAt - at) / 1000));
        throw new HoldfastError("TOO_MANY_ATTEMPTS", "There were too many attempts.", {
          hint: `Try again in ${retryAfterSeconds} s.`,
          details: { retryAfterSeconds },
        });
      }
      window.attempts += 1;
    },
    clear: (name) => void windows.delete(hash("sha256", name, "base64")),
    get size() {
      return windows.size;
    },
  };
}
