// Reads a backup through, and says whether it is sound.
import { readEnvironment } from "../../config/environment.ts";
import { readIndex } from "../../engine/artifact-reader.ts";
import { verifyContents, verifyStored } from "../../engine/verify.ts";
import { openInput } from "../files/input.ts";
import { obtainUnlock } from "../keys.ts";
import { countProgress, printResult, withProgress } from "../report.ts";
import type { ReportOptions, UnlockOptions } from "../shared-options.ts";
import { formatBytes, formatQuantity } from "../terminal/format.ts";

export interface VerifyOptions extends UnlockOptions, ReportOptions {
  readonly input: string;
  readonly level: "stored" | "contents";
}

export async function runVerify(options: VerifyOptions, signal: AbortSignal): Promise<void> {
  const { passphrase } = readEnvironment(process.env);
  await using input = await openInput(options.input, signal);
  const { header } = await readIndex(input.source, signal);
  const unlock =
    options.level === "stored" ? {} : await obtainUnlock(header.encryption, options, { passphrase, signal });
  const result = await withProgress(options, signal, async (_, view) => {
    let count: ReturnType<typeof countProgress> | undefined;
    const onBytes = (bytes: number, totalBytes: number): void => {
      count ??= countProgress(view, "verifying", { rows: 0, bytes: totalBytes });
      count({ rows: 0, bytes });
    };
    if (options.level === "stored")
      return { ...(await verifyStored(input.source, signal, onBytes)), rows: null };
    const { manifest, ...verified } = await verifyContents(input.source, unlock, signal, onBytes);
    return { ...verified, rows: manifest.tables.reduce((sum, table) => sum + table.rows, 0) };
  });
  const { objects, sizeBytes, rows } = result;
  const { id, createdAt, encryption } = header;
  printResult(options, { id, createdAt, encryption, level: options.level, objects, sizeBytes, rows }, () => {
    const stored = `${formatQuantity(objects, "object")}, ${formatBytes(sizeBytes)}, are what was written`;
    return rows === null
      ? `Sound as stored: ${stored}.`
      : `Sound: ${stored}, with ${formatQuantity(rows, "row")}.`;
  });
}
