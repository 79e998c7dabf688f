// Parsers for the values of options; Commander says which option it was.
import { InvalidArgumentError } from "commander";
import { isHoldfastError } from "../core/errors.ts";
import { parseRowSelection } from "../core/row-selection.ts";
import type { RowSelection } from "../core/run.ts";
import { catalogName } from "../core/catalog.ts";

export function parsePort(text: string): number {
  return parseWhole(text, 0, 65_535);
}

/** At least one. */
export function parseCount(text: string): number {
  return parseWhole(text, 1, Number.MAX_SAFE_INTEGER);
}

/** Zero is one. */
export function parseNumber(text: string): number {
  return parseWhole(text, 0, Number.MAX_SAFE_INTEGER);
}

function parseWhole(text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= least && number <= most)) {
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`It must be a whole number ${range}.`);
  }
  return number;
}

const TIME = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2})?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** A date (its beginning in UTC) or a time with its offset, as RFC 3339 has it. */
export function parseTime(text: string): string {
  const time = TIME.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new InvalidArgumentError("It must be a date like 2030-01-31, or a time like 2030-01-31T12:00:00Z.");
  return new Date(time).toISOString();
}

/** For an option that may be repeated. */
export function collectValues(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, value];
}

/** Names between commas, as they are. The option may be repeated. */
export function collectList(value: string, earlier: readonly string[] = []): string[] {
  const names = value
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (names.length === 0) throw new InvalidArgumentError("Give names, with commas between them.");
  return [...earlier, ...names];
}

/** Names between commas, as the catalog writes them: `audit-logs` and `auditLogs` are AUDIT_LOGS. The option may be repeated. */
export function collectNames(value: string, earlier: readonly string[] = []): string[] {
  return [...earlier, ...collectList(value).map(catalogName)];
}

/** Rows of an entity, as `users:id=42`. The option may be repeated. */
export function collectRows(value: string, earlier: readonly RowSelection[] = []): RowSelection[] {
  try {
    return [...earlier, parseRowSelection(value)];
  } catch (error) {
    if (isHoldfastError(error)) throw new InvalidArgumentError(`${error.message} ${error.hint}`);
    throw error;
  }
}
