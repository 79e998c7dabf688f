// Makes a backup and writes it where the options say.
import { createWriteStream } from "node:fs";
import path from "node:path";
import { Readable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import { readEnvironment, type Environment } from "../../config/environment.ts";
import type { Selection } from "../../core/catalog.ts";
import { tarSource } from "../../engine/artifact-io.ts";
import { openArtifact } from "../../engine/artifact-reader.ts";
import { writePortable } from "../../engine/portable-writer.ts";
import type { Backend, BackupCommand, BackupReport } from "../backend/backend.ts";
import { openBackend } from "../backend/open-backend.ts";
import { keepBackup } from "../backend/kept.ts";
import { openChosenApi } from "../client/api.ts";
import { chooseConnection, type Connection } from "../client/connection.ts";
import { UsageError } from "../failure.ts";
import { STANDARD, writeOutput, type Output } from "../files/output.ts";
import { makePrivateDirectory } from "../files/private-directory.ts";
import { isEncrypted, obtainEncryption } from "../keys.ts";
import { countProgress, printResult, withProgress } from "../report.ts";
import type { EncryptOptions, ReportOptions } from "../shared-options.ts";
import { formatBytes, formatQuantity } from "../terminal/format.ts";
import type { ServerOptions } from "../server-options.ts";

type Format = "artifact" | "json";

export interface BackupOptions extends EncryptOptions, ReportOptions, ServerOptions {
  /** Left out: it stays where a server keeps its backups. */
  readonly output?: string;
  readonly includeAudit?: boolean;
  readonly includeConfig?: boolean;
  readonly entities?: readonly string[];
  readonly groups?: readonly string[];
  readonly store?: readonly string[];
  readonly format?: Format;
}

export async function runBackup(options: BackupOptions, signal: AbortSignal): Promise<void> {
  const environment = readEnvironment(process.env);
  const connection = await chooseConnection(options, environment);
  const { output: file, store: stores } = options;
  if (stores !== undefined && file !== undefined && connection === undefined)
    throw new UsageError(
      "A backup goes into a file or into stores.",
      "Leave out --output or --store. A server can do both: --server URL.",
    );
  if (file === undefined) return keep(connection, options, environment, signal);
  const format = chooseFormat(options, file);
  if (file === STANDARD && format === "artifact" && process.stdout.isTTY)
    throw new UsageError(
      "An artifact is not for a terminal.",
      "Give --output FILE, or pipe it into something.",
    );
  const encryption = await obtainEncryption(options, { passphrase: environment.passphrase, signal });
  const backup = { selection: selectionOf(options), stores, encryption };

  await using backend = await openBackend(connection, environment, "backup");
  const report = await writeOutput(file, (output) =>
    format === "json"
      ? writeDocument(backend, backup, output, options, signal)
      : withProgress(options, signal, (control) => backend.backUp(backup, output.stream, control)),
  );
  printResult(
    options,
    { ...report, file, format },
    () => [describe(report, file === STANDARD ? "" : ` to ${file}`), ...describeFailures(report)].join("\n"),
    file === STANDARD ? process.stderr : process.stdout,
  );
}

/** @throws UsageError where it is not said where to */
async function keep(
  connection: Connection | undefined,
  options: BackupOptions,
  environment: Environment,
  signal: AbortSignal,
): Promise<void> {
  if (connection === undefined && options.store === undefined)
    throw new UsageError(
      "required option '-o, --output <file>' not specified",
      "Name the file to write; or the stores that are to keep it: --store NAME. Only a server has a store by itself: --server URL.",
    );
  if (options.format === "json")
    throw new UsageError("Stores keep artifacts, not JSON.", "Name the file to write: --output FILE.");
  const encryption = await obtainEncryption(options, { passphrase: environment.passphrase, signal });
  await using api = await openChosenApi(connection, environment, signal, "backup");
  const report = await withProgress(options, signal, (control) =>
    keepBackup(api, { selection: selectionOf(options), stores: options.store, encryption }, control),
  );
  printResult(options, { ...report, ...(connection && { server: connection.server }) }, () =>
    [describe(report, ` at ${api.place}`), ...describeFailures(report), `Its id is ${report.id}.`].join("\n"),
  );
}

/** @throws UsageError for JSON that is to be encrypted: either it would not be JSON, or not be encrypted */
function chooseFormat(options: BackupOptions, file: string): Format {
  const format = options.format ?? (path.extname(file).toLowerCase() === ".json" ? "json" : "artifact");
  if (format === "json" && isEncrypted(options)) {
    throw new UsageError(
      "A backup in JSON cannot be encrypted.",
      "Give the file another name, such as backup.enc, or --format artifact.",
    );
  }
  return format;
}

function selectionOf({ entities, groups, includeAudit, includeConfig }: BackupOptions): Selection {
  const include = [
    includeAudit === true ? ["AUDIT_LOGS"] : [],
    includeConfig === true ? ["CONFIG_VALUES"] : [],
  ];
  return { entities, groups, include: include.flat() };
}

/** The artifact is made first, beside the output, so that whatever makes artifacts can make JSON. */
async function writeDocument(
  backend: Backend,
  backup: BackupCommand,
  output: Output,
  options: ReportOptions,
  signal: AbortSignal,
): Promise<BackupReport> {
  await using directory = await makePrivateDirectory(output.directory);
  const file = path.join(directory.path, "artifact");
  return await withProgress(options, signal, async (control, view) => {
    const stream = createWriteStream(file, { mode: 0o600 });
    const report = await backend.backUp(backup, stream, control);
    await finished(stream.end());
    const source = await tarSource(file);
    try {
      const count = countProgress(view, "writing", { rows: report.rows, bytes: report.rawBytes });
      const artifact = await openArtifact(source, {}, signal);
      const document = writePortable(artifact, signal, ({ entity }, rows, bytes) =>
        count({ rows, bytes, entity }),
      );
      await pipeline(Readable.from(document), output.stream, { end: false });
    } finally {
      await source.close();
    }
    return report;
  });
}

const ENCRYPTED = {
  NONE: "not encrypted",
  PASSPHRASE: "encrypted with a passphrase",
  RECIPIENTS: "encrypted to recipients",
} as const;

function describe(
  { entities, tables, rows, rawBytes, sizeBytes, encryption }: BackupReport,
  where: string,
): string {
  const contents = `${formatQuantity(rows, "row")} of ${formatQuantity(entities.length, "entity", "entities")}`;
  return (
    `Backed up ${contents} in ${formatQuantity(tables.length, "table")}${where}: ` +
    `${formatBytes(rawBytes)} as text, ${formatBytes(sizeBytes)} as an artifact, ${ENCRYPTED[encryption]}.`
  );
}

function describeFailures({ storeFailures = [] }: BackupReport): string[] {
  return storeFailures.map(({ store, message }) => `It is not in the store ${store}: ${message}`);
}
