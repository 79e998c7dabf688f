// Backs up every group into a file of its own.
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { readConfiguration } from "../../config/configuration.ts";
import { readEnvironment } from "../../config/environment.ts";
import type { BackupReport } from "../backend/backend.ts";
import { openDirectBackend } from "../backend/direct.ts";
import { openOutput } from "../files/output.ts";
import { obtainEncryption } from "../keys.ts";
import { printResult, withProgress } from "../report.ts";
import type { EncryptOptions, ReportOptions, TargetOptions } from "../shared-options.ts";
import { formatBytes, formatCount } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";
import { findSigner } from "../signatures.ts";
import { chooseDatabase, groupFiles, secretPlace } from "./admin-target.ts";

export interface AdminBackupOptions extends TargetOptions, EncryptOptions, ReportOptions {}

/** The files get their names together, when all of them are whole: files of two backups are never mixed. */
export async function runAdminBackup(options: AdminBackupOptions, signal: AbortSignal): Promise<void> {
  const environment = readEnvironment(process.env);
  const choice = chooseDatabase(options, environment);
  const configuration = await readConfiguration(environment);
  const encryption = await obtainEncryption(options, { passphrase: environment.passphrase, signal });
  await using backend = await openDirectBackend(choice, {
    ...{ act: "backup", audited: false, configuration },
    signer: await findSigner(secretPlace(options, environment)),
  });
  await mkdir(options.backupDir, { recursive: true, mode: 0o700 });

  await using outputs = new AsyncDisposableStack();
  const made: {
    readonly file: string;
    readonly report: BackupReport;
    readonly commit: () => Promise<void>;
  }[] = [];
  for (const { group, paths } of groupFiles(configuration.catalog, options.backupDir)) {
    const [file] = paths;
    const output = await openOutput(file);
    outputs.defer(() => output.discard());
    const selection = { entities: group.entities.map((entity) => entity.name) };
    const report = await withProgress(options, signal, (control) =>
      backend.backUp({ selection, encryption }, output.stream, control),
    );
    made.push({ file, report, commit: () => output.commit() });
  }
  signal.throwIfAborted();
  for (const { commit } of made) await commit();

  printResult(
    options,
    { directory: options.backupDir, files: made.map(({ file, report }) => ({ file, ...report })) },
    () =>
      renderTable(
        [
          { title: "file" },
          { title: "entities" },
          { title: "rows", align: "right" },
          { title: "size", align: "right" },
        ],
        made.map(({ file, report }) => [
          path.basename(file),
          report.entities.join(", "),
          formatCount(report.rows),
          formatBytes(report.sizeBytes),
        ]),
      ),
  );
}
