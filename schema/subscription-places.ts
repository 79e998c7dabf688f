// How many subscriptions each account has open: one that opens too many is told so, and the others do not feel it.
import { HoldfastError } from "../src/core/errors.ts";

export interface SubscriptionPlaces {
  /**
   * A place for one subscription of the account, until it is disposed of.
   * @throws HoldfastError TOO_MANY_SUBSCRIPTIONS
   */
  take(userId: string): Disposable;
  /** @throws HoldfastError TOO_MANY_SUBSCRIPTIONS where a place would be refused */
  check(userId: string): void;
}

/** @param limit for each account */
export function createSubscriptionPlaces(limit: number): SubscriptionPlaces {
  const counts = new Map<string, number>();
  const countOf = (userId: string): number => counts.get(userId) ?? 0;
  const check = (userId: string): void => {
    if (countOf(userId) < limit) return;
    throw new HoldfastError("TOO_MANY_SUBSCRIPTIONS", `The account has ${limit} subscriptions open already.`);
  };
  return {
    check,
    take(userId) {
      check(userId);
      counts.set(userId, countOf(userId) + 1);
      return {
        [Symbol.dispose]() {
          const rest = countOf(userId) - 1;
          if (rest === 0) counts.delete(userId);
          else counts.set(userId, rest);
        },
      };
    },
  };
}
