// Takes a backup apart into plain files.
import { readEnvironment } from "../../config/environment.ts";
import { extractArtifact } from "../../engine/extract.ts";
import { openInput } from "../files/input.ts";
import { writeOutputDirectory } from "../files/output.ts";
import { countProgress, printResult, withProgress } from "../report.ts";
import type { ReportOptions, UnlockOptions } from "../shared-options.ts";
import { formatQuantity } from "../terminal/format.ts";
import { unlockInput } from "../unlocked-input.ts";

export interface ExtractOptions extends UnlockOptions, ReportOptions {
  readonly input: string;
  readonly output: string;
}

export async function runExtract(options: ExtractOptions, signal: AbortSignal): Promise<void> {
  const { passphrase } = readEnvironment(process.env);
  await using input = await openInput(options.input, signal);
  const { artifact } = await unlockInput(input, options, { passphrase, signal });
  const { id, tables } = artifact.manifest;
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const bytes = tables.reduce((sum, table) => sum + table.rawBytes, 0);
  const files = await withProgress(options, signal, (_, view) => {
    const count = countProgress(view, "writing", { rows, bytes });
    return writeOutputDirectory(options.output, (directory) =>
      extractArtifact(artifact, directory, signal, (table, rows, bytes) =>
        count({ rows, bytes, entity: table.entity }),
      ),
    );
  });
  printResult(options, { id, directory: options.output, files, rows }, () => {
    const what = `${formatQuantity(rows, "row")} of ${formatQuantity(tables.length, "table")}`;
    return `Wrote ${what} into ${options.output}: manifest.json, and a .copy and a .jsonl file for each table.`;
  });
}
