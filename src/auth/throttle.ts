// Limits on how often somebody may try to guess. They are counted in the ledger: for all servers together.
import { createHmac } from "node:crypto";
import { HoldfastError } from "../core/errors.ts";
import type { Ledger } from "../ledger/connect.ts";
import { countAttempt, findCount, forgetAttempts, takeBackAttempt, type Count } from "../ledger/throttles.ts";

/** What is counted by itself: `["sign-in", "ada", "192.0.2.1"]`. */
export type Name = readonly (string | null)[];

export interface Limit {
  readonly name: Name;
  /** Attempts within one window. */
  readonly limit: number;
}

export interface Attempt {
  /** Takes it back: nothing was guessed wrong. */
  forgive(): Promise<void>;
}

export interface Throttle {
  /**
   * Counts an attempt under each of the names, one after the other; where one is full, under none of them. It counts
   * before it is known to fail, so that many at once are no way around the limit.
   * @throws HoldfastError TOO_MANY_ATTEMPTS with `details.retryAfterSeconds`
   */
  attempt(limits: readonly Limit[]): Promise<Attempt>;
  /** Counts nothing. @throws HoldfastError TOO_MANY_ATTEMPTS where an attempt would be refused */
  check(limits: readonly Limit[]): Promise<void>;
  /** Forgets the name's attempts: it got it right. */
  clear(name: Name): Promise<void>;
  /** Remembers a name for so long. */
  remember(name: Name, forMs: number): Promise<void>;
  isRemembered(name: Name): Promise<boolean>;
}

export interface ThrottleOptions {
  readonly ledger: Ledger;
  /** Names are hashed with it. */
  readonly key: Uint8Array;
  /** A window begins with its first attempt. */
  readonly windowMs: number;
}

export function createThrottle({ ledger, key, windowMs }: ThrottleOptions): Throttle {
  const hashOf = (name: Name): string =>
    createHmac("sha256", key).update(JSON.stringify(name)).digest("base64url");
  const takeBack = async (hashes: readonly string[]): Promise<void> => {
    for (const hash of hashes) await takeBackAttempt(ledger, hash);
  };

  return {
    async attempt(limits) {
      const counted: string[] = [];
      for (const { name, limit } of limits) {
        const hash = hashOf(name);
        const count = await countAttempt(ledger, hash, windowMs);
        counted.push(hash);
        if (count.attempts <= limit) continue;
        // Who is refused has tried nothing.
        await takeBack(counted);
        throw tooMany(count);
      }
      return { forgive: () => takeBack(counted) };
    },
    async check(limits) {
      for (const { name, limit } of limits) {
        const count = await findCount(ledger, hashOf(name));
        if (count !== undefined && count.attempts >= limit) throw tooMany(count);
      }
    },
    clear: (name) => forgetAttempts(ledger, hashOf(name)),
    async remember(name, forMs) {
      await forgetAttempts(ledger, hashOf(name));
      await countAttempt(ledger, hashOf(name), forMs);
    },
    isRemembered: async (name) => (await findCount(ledger, hashOf(name))) !== undefined,
  };
}

function tooMany({ remainingMs }: Count): HoldfastError {
  const retryAfterSeconds = Math.max(1, Math.ceil(remainingMs / 1000));
  return new HoldfastError("TOO_MANY_ATTEMPTS", "There were too many attempts.", {
    hint: `Try again in ${retryAfterSeconds} s.`,
    details: { retryAfterSeconds },
  });
}
