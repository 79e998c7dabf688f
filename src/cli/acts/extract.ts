// Takes a backup apart into plain files.
import { readEnvironment } from "../../config/environment.ts";
import { openArtifact, readIndex } from "../../engine/artifact-reader.ts";
import { extractArtifact } from "../../engine/extract.ts";
import { openInput } from "../files/input.ts";
import { writeOutputDirectory } from "../files/output.ts";
import { obtainUnlock } from "../keys.ts";
import { countProgress, printResult, withProgress } from "../report.ts";
import { formatQuantity } from "../terminal/format.ts";
import type { ReportOptions, UnlockOptions } from "../shared-options.ts";

export interface ExtractOptions extends UnlockOptions, ReportOptions {
  readonly input: string;
  readonly output: string;
}

export async function runExtract(options: ExtractOptions, signal: AbortSignal): Promise<void> {
  const { passphrase } = readEnvironment(process.env);
  await using input = await openInput(options.input, signal);
  const { header } = await readIndex(input.source, signal);
  const unlock = await obtainUnlock(header.encryption, options, { passphrase, signal });
  const artifact = await openArtifact(input.source, unlock, signal);
  const { tables } = artifact.manifest;
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
  printResult(options, { id: header.id, directory: options.output, files, rows }, () => {
    const what = `${formatQuantity(rows, "row")} of ${formatQuantity(tables.length, "table")}`;
    return `Wrote ${what} into ${options.output}: manifest.json, and a .copy and a .jsonl file for each table.`;
  });
}
