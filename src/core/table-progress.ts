// How far a phase has come with each of its tables. Pure: the clock is given.
import type { TableProgress } from "./run.ts";

/** What a phase is going to count of a table; estimates are welcome, null where nothing is known. */
export interface TableTotals {
  readonly entity: string;
  /** `schema.name` */
  readonly table: string;
  readonly rows: number | null;
  readonly bytes: number | null;
}

/** Rows of a table. */
export interface TableRows {
  readonly entity: string;
  /** `schema.name` */
  readonly table: string;
  readonly rows: number;
}

export interface TableTally {
  readonly tables: readonly TableProgress[];
  add(count: TableRows & { readonly bytes: number }, atMs: number): void;
  /** All of a table has been counted. */
  end(table: Pick<TableTotals, "entity" | "table">): void;
}

/** Progress is written and sent twice a second: it does not grow with the number of tables. */
const MOST_TABLES = 50;

/**
 * @param totals every table of the phase, in the order in which they are to be shown
 * @param exact they are no estimates: a table is done when all of it has been counted
 */
export function tallyTables(totals: readonly TableTotals[], exact: boolean): TableTally {
  const isWhole = (rows: number, bytes: number, { rowsTotal, bytesTotal }: Totals): boolean =>
    exact && (bytesTotal === null ? rows >= (rowsTotal ?? 0) : bytes >= bytesTotal);
  let tables: readonly TableProgress[] = largest(totals).map(({ entity, table, rows, bytes }) => {
    const own = { rowsTotal: rows, bytesTotal: bytes };
    const done = isWhole(0, 0, own);
    return { entity, table, rows: 0, bytes: 0, ...own, rowsPerSecond: null, etaSeconds: null, done };
  });
  const places = new Map(tables.map((table, place) => [keyOf(table), place]));
  const begunAtMs = new Map<number, number>();
  const change = (
    of: Pick<TableTotals, "entity" | "table">,
    next: (before: TableProgress) => object,
  ): void => {
    const place = places.get(keyOf(of));
    const before = place === undefined ? undefined : tables[place];
    if (place !== undefined && before !== undefined)
      tables = tables.with(place, { ...before, ...next(before) });
  };
  return {
    get tables() {
      return tables;
    },
    add(count, atMs) {
      change(count, (before) => {
        const place = places.get(keyOf(count)) ?? 0;
        if (isWhole(before.rows + count.rows, before.bytes + count.bytes, before))
          return ended(before, count);
        const elapsedSeconds = (atMs - (begunAtMs.get(place) ?? atMs)) / 1000;
        if (elapsedSeconds === 0) begunAtMs.set(place, begunAtMs.get(place) ?? atMs);
        const rows = before.rows + count.rows;
        const bytes = before.bytes + count.bytes;
        const rowsTotal = grown(before.rowsTotal, rows);
        const bytesTotal = grown(before.bytesTotal, bytes);
        const part = bytesTotal ? bytes / bytesTotal : rowsTotal ? rows / rowsTotal : 0;
        return {
          ...{ rows, rowsTotal, bytes, bytesTotal },
          // What was counted of a piece is taken back when the piece comes back.
          done: before.done && !exact,
          rowsPerSecond: elapsedSeconds === 0 ? null : rows / elapsedSeconds,
          etaSeconds: elapsedSeconds === 0 || part === 0 ? null : (elapsedSeconds * (1 - part)) / part,
        };
      });
    },
    end(table) {
      change(table, (before) => ended(before, { rows: 0, bytes: 0 }));
    },
  };
}

type Totals = Pick<TableProgress, "rowsTotal" | "bytesTotal">;
type Counts = Pick<TableProgress, "rows" | "bytes">;

/** With what was counted at last; that is the total then, whatever was estimated. */
function ended(before: TableProgress, last: Counts): TableProgress {
  const rows = before.rows + last.rows;
  const bytes = before.bytes + last.bytes;
  return {
    ...before,
    ...{ rows, rowsTotal: rows, bytes, bytesTotal: before.bytesTotal === null ? null : bytes },
    ...{ rowsPerSecond: null, etaSeconds: null, done: true },
  };
}

/** An estimate that turned out too low grows with what was counted, so that nobody sees 120 %. */
export function grown(total: number | null, done: number): number | null {
  return total === null ? null : Math.max(total, done);
}

function largest(totals: readonly TableTotals[]): readonly TableTotals[] {
  if (totals.length <= MOST_TABLES) return totals;
  const sizeOf = ({ rows, bytes }: TableTotals): number => bytes ?? rows ?? 0;
  const chosen = new Set(totals.toSorted((one, other) => sizeOf(other) - sizeOf(one)).slice(0, MOST_TABLES));
  return totals.filter((table) => chosen.has(table));
}

function keyOf({ entity, table }: Pick<TableTotals, "entity" | "table">): string {
  return `${entity} ${table}`;
}
