// What commands say while they work, and what they say in the end.
import type { ActControl } from "./backend/backend.ts";
import { createProgressView, type ProgressView } from "./terminal/progress.ts";
import type { ReportOptions } from "./shared-options.ts";

const SILENT: ProgressView = { update: () => undefined, end: () => undefined };

/** Runs an act whose progress is shown on standard error, unless nothing is to be said. */
export async function withProgress<T>(
  { quiet = false }: ReportOptions,
  signal: AbortSignal,
  act: (control: ActControl, view: ProgressView) => Promise<T>,
): Promise<T> {
  const view = quiet ? SILENT : createProgressView(process.stderr);
  try {
    return await act({ signal, onProgress: (progress) => view.update(progress) }, view);
  } finally {
    view.end();
  }
}

/** Counts towards a known end, for acts that report no progress of their own. */
export function countProgress(
  view: ProgressView,
  phase: string,
  totals: { readonly rows: number; readonly bytes: number },
): (done: { readonly rows: number; readonly bytes: number; readonly entity?: string }) => void {
  let rows = 0;
  let bytes = 0;
  return (done) => {
    rows += done.rows;
    bytes += done.bytes;
    view.update({
      ...{
        phase,
        entity: done.entity ?? null,
        rows,
        rowsTotal: totals.rows,
        bytes,
        bytesTotal: totals.bytes,
      },
      percent: totals.bytes === 0 ? 100 : (100 * bytes) / totals.bytes,
      ...{ rowsPerSecond: null, etaSeconds: null },
    });
  };
}

/**
 * Prints a command's result: as JSON, or as text.
 * @param output standard error, where standard output carries the backup itself
 */
export function printResult(
  { json = false, quiet = false }: ReportOptions,
  result: unknown,
  text: () => string,
  output: NodeJS.WritableStream = process.stdout,
): void {
  if (json) output.write(`${JSON.stringify(result, null, 2)}\n`);
  else if (!quiet) output.write(`${text()}\n`);
}
