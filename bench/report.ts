// Medians and ratios, printed as tables and kept as JSON.
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Measurement } from "./measure.ts";
import { median } from "./quantiles.ts";
import type { Machine } from "./tools.ts";

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What was to be reached, and what was. */
export interface Goal {
  readonly what: string;
  readonly found: number;
  /** Reached when what was found is not beyond it. */
  readonly limit: number;
  readonly direction: "at most" | "at least";
}

export interface Result {
  /** What `bench/results/` calls it. */
  readonly name: string;
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  /** Everything that was measured. */
  readonly figures: unknown;
}

/** The median of the ratios of each round: what disturbed a round disturbed both. */
export function ratio(
  one: readonly Measurement[] | undefined,
  other: readonly Measurement[] | undefined,
): number {
  if (one === undefined || other === undefined) throw new Error("a contender was not measured");
  return median(one.map(({ wallSeconds }, round) => wallSeconds / (other[round]?.wallSeconds ?? Number.NaN)));
}

/** A row for each contender, compared with one of them. */
export function tableOf(
  title: string,
  measured: ReadonlyMap<string, readonly Measurement[]>,
  reference: string,
): Table {
  const columns = [
    "",
    "wall s",
    `of ${reference}`,
    "server CPU s",
    "client CPU s",
    "WAL MB",
    "rows written",
    "peak MB",
  ];
  const rows = [...measured].map(([name, rounds]) => {
    const of = (read: (one: Measurement) => number, digits: number) =>
      median(rounds.map(read)).toFixed(digits);
    const peaks = rounds.flatMap(({ peakBytes }) => peakBytes ?? []);
    return [
      name,
      of((one) => one.wallSeconds, 2),
      ratio(rounds, measured.get(reference)).toFixed(2),
      of((one) => one.serverSeconds, 2),
      of((one) => one.clientSeconds, 2),
      of((one) => one.walBytes / 1e6, 0),
      of((one) => one.writtenRows, 0),
      peaks.length === 0 ? "" : (Math.max(...peaks) / 1e6).toFixed(0),
    ];
  });
  return { title, columns, rows };
}

export function printTable({ title, columns, rows }: Table): void {
  const widths = columns.map((column, place) =>
    Math.max(column.length, ...rows.map((row) => row[place]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((width, place) => (place === 0 ? (cells[place] ?? "").padEnd(width) : (cells[place] ?? "").padStart(width))).join(" | ")} |`;
  console.log(`\n${title}\n`);
  console.log(line(columns));
  console.log(
    `|${widths.map((width, place) => (place === 0 ? "-".repeat(width + 2) : `${"-".repeat(width + 1)}:`)).join("|")}|`,
  );
  for (const row of rows) console.log(line(row));
}

export function printGoals(goals: readonly Goal[]): void {
  if (goals.length > 0) console.log("");
  for (const { what, found, limit, direction } of goals) {
    const reached = direction === "at most" ? found <= limit : found >= limit;
    console.log(`${reached ? "reached" : "MISSED "}  ${what}: ${found.toFixed(2)} (${direction} ${limit})`);
  }
}

const RESULTS = path.join(import.meta.dirname, "results");

/** Beside those of earlier days; a second one of a day replaces the first. */
export async function keepResult(result: Result, machine: Machine, options: unknown): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  const measuredOn = new Date().toISOString().slice(0, 10);
  const file = path.join(RESULTS, `${measuredOn}-${result.name}.json`);
  await writeFile(file, `${JSON.stringify({ measuredOn, machine, options, ...result }, undefined, 2)}\n`);
}
