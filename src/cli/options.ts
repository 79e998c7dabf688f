// Parsers for the values of options; Commander says which option it was.
import { InvalidArgumentError } from "commander";

export function parsePort(text: string): number {
  return parseWhole(text, 0, 65_535);
}

/** At least one. */
export function parseCount(text: string): number {
  return parseWhole(text, 1, Number.MAX_SAFE_INTEGER);
}

function parseWhole(text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) {
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`It must be a whole number ${range}.`);
  }
  return number;
}
