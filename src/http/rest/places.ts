// A bound on how many backups and restores pass through this process at the same time.
import { HoldfastError } from "../../core/errors.ts";

/** Held by one transfer; given back when it is disposed of, and once only. */
export type Place = Disposable;

export interface Places {
  /** @throws HoldfastError TOO_MANY_STREAMS with `details.retryAfterSeconds` when all are taken */
  take(): Place;
  /** Resolves when none is taken. */
  empty(): Promise<void>;
}

/** Nobody knows when a transfer ends: often enough to be next, seldom enough to be no burden. */
const RETRY_AFTER_SECONDS = 10;

export function createPlaces(limit: number): Places {
  const taken = new Set<symbol>();
  let emptied = Promise.withResolvers<void>();
  return {
    take() {
      if (taken.size >= limit) {
        throw new HoldfastError("TOO_MANY_STREAMS", `${limit} backups and restores are under way already.`, {
          details: { retryAfterSeconds: RETRY_AFTER_SECONDS },
        });
      }
      const place = Symbol("place");
      taken.add(place);
      return {
        [Symbol.dispose]() {
          taken.delete(place);
          if (taken.size > 0) return;
          emptied.resolve();
          emptied = Promise.withResolvers();
        },
      };
    },
    empty: async () => (taken.size === 0 ? undefined : emptied.promise),
  };
}
