// Turns what an act counts (rows and raw bytes of a phase) into what a run reports: a percentage over the whole run
// that never falls, a rate, and the time that is left. Pure: the clock is given.
import { NO_PROGRESS, type Phase, type Progress } from "./run.ts";
import { grown, tallyTables, type TableTally, type TableTotals } from "./table-progress.ts";

/** Which stretch of the whole run's 0 to 100 percent a phase takes. */
export type PhaseShares = Readonly<Partial<Record<Phase, readonly [from: number, to: number]>>>;

export interface PhaseTotals {
  /** Estimates are welcome; null where nothing is known. */
  readonly rows: number | null;
  readonly bytes: number | null;
  /** Of each table, where the phase goes by tables. */
  readonly tables?: readonly TableTotals[];
  /** The tables' totals are no estimates: a table is done when all of it has been counted. */
  readonly exact?: boolean;
}

/** Of a phase that goes by tables: what they come to together. */
export function sumUp(tables: readonly TableTotals[], exact = false): PhaseTotals {
  const total = (count: "rows" | "bytes"): number | null =>
    tables.some((table) => table[count] === null)
      ? null
      : tables.reduce((sum, table) => sum + (table[count] ?? 0), 0);
  return { rows: total("rows"), bytes: total("bytes"), tables, exact };
}

export interface ProgressMeter {
  /** Begins a phase. With totals its counts start from zero; a phase that counts nothing leaves those before it standing. */
  enter(phase: Phase, totals?: PhaseTotals): void;
  /** Counts work done in the present phase. */
  add(done: {
    readonly rows: number;
    readonly bytes: number;
    readonly entity: string | null;
    readonly table?: string;
  }): void;
  /** All of a table has been counted, in a phase whose totals are estimates. */
  endTable(of: { readonly entity: string; readonly table: string }): void;
}

const RATE_WINDOW_MS = 3_000;

/**
 * @param shares the phases that the act goes through
 * @param report called at every change; the receiver throttles
 * @param now milliseconds, from any fixed point
 */
export function createProgressMeter(
  shares: PhaseShares,
  report: (progress: Progress) => void,
  now: () => number = () => performance.now(),
): ProgressMeter {
  let current: Progress = NO_PROGRESS;
  let enteredAtMs = now();
  let window: { atMs: number; rows: number }[] = [];
  let tally: TableTally | undefined;

  const say = (change: Partial<Progress>): void => {
    const next = { ...current, ...change };
    current = { ...next, percent: Math.max(current.percent, percentOf(next, shares)) };
    report(current);
  };

  const countsAtStart = (phase: Phase, totals: PhaseTotals | undefined): Partial<Progress> => {
    if (totals !== undefined) {
      tally = totals.tables && tallyTables(totals.tables, totals.exact ?? false);
      return {
        ...{ rows: 0, rowsTotal: totals.rows, bytes: 0, bytesTotal: totals.bytes },
        tables: tally?.tables,
      };
    }
    // At the end, what was counted is the total, whatever was estimated; the run's result says it of each table.
    return phase === "done" ? { rowsTotal: current.rows, bytesTotal: current.bytes, tables: undefined } : {};
  };

  return {
    enter(phase, totals) {
      enteredAtMs = now();
      window = [];
      say({
        phase,
        entity: null,
        table: undefined,
        ...countsAtStart(phase, totals),
        rowsPerSecond: null,
        etaSeconds: null,
      });
    },
    add({ rows, bytes, entity, table }) {
      const atMs = now();
      const rowsDone = current.rows + rows;
      const bytesDone = current.bytes + bytes;
      window.push({ atMs, rows: rowsDone });
      while (window.length > 2 && (window[0]?.atMs ?? atMs) < atMs - RATE_WINDOW_MS) window.shift();
      const first = window[0];
      const spanMs = first === undefined ? 0 : atMs - first.atMs;
      const bytesTotal = grown(current.bytesTotal, bytesDone);
      const elapsedSeconds = (atMs - enteredAtMs) / 1000;
      if (entity !== null && table !== undefined) tally?.add({ entity, table, rows, bytes }, atMs);
      say({
        tables: tally?.tables,
        entity,
        table,
        rows: rowsDone,
        rowsTotal: grown(current.rowsTotal, rowsDone),
        bytes: bytesDone,
        bytesTotal,
        rowsPerSecond: first === undefined || spanMs <= 0 ? null : ((rowsDone - first.rows) * 1000) / spanMs,
        etaSeconds:
          bytesTotal === null || bytesDone === 0
            ? null
            : (elapsedSeconds * Math.max(0, bytesTotal - bytesDone)) / bytesDone,
      });
    },
    endTable(of) {
      tally?.end(of);
      say({ tables: tally?.tables });
    },
  };
}

function percentOf(progress: Progress, shares: PhaseShares): number {
  if (progress.phase === "done") return 100;
  const [from, to] = shares[progress.phase] ?? [0, 0];
  const { bytes, bytesTotal, rows, rowsTotal } = progress;
  const done = bytesTotal ? bytes / bytesTotal : rowsTotal ? rows / rowsTotal : 0;
  return Math.round((from + (to - from) * Math.min(1, done)) * 100) / 100;
}
