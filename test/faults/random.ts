// Choices that a seed decides: the same seed makes the same choices in the same order, on every machine.
import { createHash } from "node:crypto";

export interface Random {
  /** At least `min`, at most `max`, both whole numbers. */
  integer(min: number, max: number): number;
  chance(probability: number): boolean;
  /** @throws for an empty list */
  pick<T>(choices: readonly T[]): T;
}

export function seededRandom(seed: string): Random {
  let state = createHash("sha256").update(seed).digest().readUInt32LE(0);
  // mulberry32: one 32-bit word of state, and good enough to choose what to break.
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const integer = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1));
  return {
    integer,
    chance: (probability) => next() < probability,
    pick<T>(choices: readonly T[]): T {
      const choice = choices[integer(0, choices.length - 1)];
      if (choice === undefined) throw new Error("there is nothing to choose from");
      return choice;
    },
  };
}
