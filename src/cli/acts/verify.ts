// Reads a backup through, and says whether it is sound; or restores it on trial.
import { randomUUID } from "node:crypto";
import { readEnvironment } from "../../config/environment.ts";
import { readIndex, type Unlock } from "../../engine/artifact-reader.ts";
import { drill } from "../../engine/drill.ts";
import { verifyContents, verifyStored } from "../../engine/verify.ts";
import { startEmbedded } from "../../embedded/embedded.ts";
import type { ActControl } from "../backend/backend.ts";
import { openInput, type Input } from "../files/input.ts";
import { makePrivateDirectory } from "../files/private-directory.ts";
import { obtainUnlock } from "../keys.ts";
import { countProgress, printResult, withProgress } from "../report.ts";
import type { ReportOptions, SignatureOptions, UnlockOptions } from "../shared-options.ts";
import { describeSignature, judgeInput } from "../signatures.ts";
import { formatBytes, formatQuantity } from "../terminal/format.ts";
import type { ProgressView } from "../terminal/progress.ts";

export interface VerifyOptions extends UnlockOptions, SignatureOptions, ReportOptions {
  readonly input: string;
  readonly level: "stored" | "contents" | "drill";
  /** The server of a drill; left out: an embedded one. */
  readonly databaseUrl?: string;
}

/** What was looked at; null: not at this level. */
interface Found {
  readonly objects: number;
  readonly sizeBytes: number;
  readonly rows: number | null;
  readonly tables: number | null;
}

export async function runVerify(options: VerifyOptions, signal: AbortSignal): Promise<void> {
  const environment = readEnvironment(process.env);
  const { passphrase } = environment;
  await using input = await openInput(options.input, signal);
  const { header, index, signedBy } = await readIndex(input.source, signal);
  const signature = await judgeInput(signedBy, options, environment);
  const unlock =
    options.level === "stored" ? {} : await obtainUnlock(header.encryption, options, { passphrase, signal });
  const found = await withProgress(options, signal, async (control, view): Promise<Found> => {
    if (options.level !== "drill") return await read(input, unlock, options.level, signal, view);
    const stored = {
      objects: index.objects.length,
      sizeBytes: index.objects.reduce((sum, object) => sum + object.sizeBytes, 0),
    };
    return { ...stored, ...(await restoreOnTrial(input, unlock, options.databaseUrl, control)) };
  });
  const { id, createdAt, encryption } = header;
  printResult(options, { id, createdAt, encryption, level: options.level, ...found, signature }, () =>
    [describe(found), describeSignature(signature)].join("\n"),
  );
}

async function read(
  input: Input,
  unlock: Unlock,
  level: "stored" | "contents",
  signal: AbortSignal,
  view: ProgressView,
): Promise<Found> {
  let count: ReturnType<typeof countProgress> | undefined;
  const onBytes = (bytes: number, totalBytes: number): void => {
    count ??= countProgress(view, "verifying", { rows: 0, bytes: totalBytes });
    count({ rows: 0, bytes });
  };
  if (level === "stored") {
    const { objects, sizeBytes } = await verifyStored(input.source, signal, onBytes);
    return { objects, sizeBytes, rows: null, tables: null };
  }
  const { manifest, objects, sizeBytes } = await verifyContents(input.source, unlock, signal, onBytes);
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  return { objects, sizeBytes, rows, tables: null };
}

async function restoreOnTrial(
  { source }: Input,
  unlock: Unlock,
  databaseUrl: string | undefined,
  control: ActControl,
): Promise<Pick<Found, "rows" | "tables">> {
  await using opened = new AsyncDisposableStack();
  let url = databaseUrl;
  if (url === undefined) {
    const directory = opened.use(await makePrivateDirectory());
    // Nothing in it outlives the command, nor a crash.
    const settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };
    const server = await startEmbedded({ dataDir: directory.path, settings });
    opened.defer(() => server.stop());
    ({ url } = server);
  }
  const serverUrl = url;
  const { tables } = await drill(
    { source, serverUrl: () => serverUrl },
    { runId: randomUUID(), unlock },
    control,
  );
  return { rows: tables.reduce((sum, table) => sum + table.foundRows, 0), tables: tables.length };
}

function describe({ objects, sizeBytes, rows, tables }: Found): string {
  const stored = `${formatQuantity(objects, "object")}, ${formatBytes(sizeBytes)}`;
  if (rows === null) return `Sound as stored: ${stored}, are what was written.`;
  if (tables === null) return `Sound: ${stored}, are what was written, with ${formatQuantity(rows, "row")}.`;
  return `Restored on trial: ${formatQuantity(tables, "table")} with ${formatQuantity(rows, "row")} are what was backed up.`;
}
