// Lists, shows, cancels and downloads the backups that a server keeps.
import { HoldfastError } from "../../core/errors.ts";
import { NO_PROGRESS } from "../../core/run.ts";
import { collectPages, openApi, type Api } from "../client/api.ts";
import { BACKUP, BACKUPS, CANCEL_RUN, type ListedBackup } from "../client/listings.ts";
import { STANDARD, writeOutput } from "../files/output.ts";
import { printResult, withProgress } from "../report.ts";
import type { ApiOptions, ServerOptions } from "../server-options.ts";
import { UsageError } from "../failure.ts";
import type { ReportOptions, UnlockOptions } from "../shared-options.ts";
import { formatBytes, formatCount, formatQuantity, formatTime } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";
import { describeCancelled, describeRun } from "./describe-run.ts";
import { findSchedule } from "./schedules.ts";

export interface ListBackupsOptions extends ApiOptions, UnlockOptions {
  readonly limit: number;
  readonly status?: string;
  readonly entity?: readonly string[];
  /** By name or id. */
  readonly schedule?: string;
  readonly deleted?: boolean;
  /** A directory, or a store's name: what lies there, and no ledger. */
  readonly store?: string;
}

export async function listBackups(options: ListBackupsOptions, signal: AbortSignal): Promise<void> {
  const { limit, status, entity = [], schedule, deleted, store } = options;
  if (store !== undefined) {
    if (
      [status, schedule, deleted, options.entity, options.server, options.token].some(
        (one) => one !== undefined,
      )
    )
      throw new UsageError(
        "--store lists what lies in a store, and asks no server and no ledger.",
        "Leave out --status, --entity, --schedule, --deleted, --server and --token, or --store.",
      );
    const { listStored } = await import("./store-alone.ts");
    return listStored({ ...options, store }, signal);
  }
  await using api = await openApi(options, signal);
  const filter = {
    ...(status && { status }),
    ...(entity[0] && { entity: entity[0] }),
    ...(schedule && { scheduleId: (await findSchedule(api, schedule)).id }),
    ...(deleted === true && { deleted }),
  };
  const backups = await collectPages(
    limit,
    async (page) => (await api.execute(BACKUPS, { ...page, filter })).backups,
  );
  printResult(options, backups, () =>
    renderTable(
      [
        ...["id", "made", "status", "encryption"].map((title) => ({ title })),
        ...["rows", "size"].map((title) => ({ title, align: "right" as const })),
        { title: "entities" },
      ],
      backups.map((backup) => [
        backup.id,
        formatTime(backup.createdAt),
        backup.status,
        backup.encryption,
        backup.rows === null ? "·" : formatCount(backup.rows),
        backup.sizeBytes === null ? "·" : formatBytes(backup.sizeBytes),
        backup.entities.join(" "),
      ]),
    ),
  );
}

export async function showBackup(id: string, options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  const backup = await findBackup(api, id);
  printResult(options, backup, () => describeBackup(backup));
}

export async function cancelBackup(id: string, options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  // A restore's id is no backup's.
  await findBackup(api, id);
  const { cancelRun } = await api.execute(CANCEL_RUN, { id });
  printResult(options, cancelRun, () => describeCancelled("backup", cancelRun));
}

export interface DownloadOptions extends ServerOptions, ReportOptions {
  readonly output: string;
}

export async function downloadBackup(
  id: string,
  options: DownloadOptions,
  signal: AbortSignal,
): Promise<void> {
  await using api = await openApi(options, signal);
  let sizeBytes = 0;
  await writeOutput(options.output, ({ stream }) =>
    withProgress(options, signal, (control) =>
      api.download(id, stream, (bytes, bytesTotal) => {
        sizeBytes = bytes;
        const percent = bytesTotal === null ? 0 : (100 * bytes) / bytesTotal;
        control.onProgress({ ...NO_PROGRESS, phase: "downloading", bytes, bytesTotal, percent });
      }),
    ),
  );
  printResult(
    options,
    { id, file: options.output, sizeBytes },
    () => `Downloaded ${id} to ${options.output}: ${formatBytes(sizeBytes)}.`,
    options.output === STANDARD ? process.stderr : process.stdout,
  );
}

/** @throws HoldfastError NOT_FOUND */
async function findBackup(api: Api, id: string): Promise<ListedBackup> {
  const { backup } = await api.execute(BACKUP, { id });
  if (backup !== null) return backup;
  throw new HoldfastError("NOT_FOUND", `There is no backup ${id} at ${api.place}.`);
}

function describeBackup(backup: ListedBackup): string {
  const { encryption, stores, storeFailures, rows, rawBytes, sizeBytes, contents } = backup;
  const lines = [
    ...describeRun(backup),
    `encryption  ${encryption}`,
    `stores      ${stores.join(", ")}`,
    ...storeFailures.map(({ store, message }) => `not in      ${store}: ${message}`),
    `entities    ${backup.entities.join(", ")}`,
  ];
  if (backup.schedule !== null) lines.push(`schedule    ${backup.schedule.name}`);
  if (backup.pinned) lines.push("pinned      yes");
  if (backup.deletionRequestedAt !== null)
    lines.push(
      `deleted     ${formatTime(backup.deletionRequestedAt)}${backup.deletedBy === null ? "" : ` by ${backup.deletedBy}`}`,
    );
  if (rows !== null && rawBytes !== null && sizeBytes !== null)
    lines.push(
      `size        ${formatQuantity(rows, "row")}, ${formatBytes(rawBytes)} as text, ${formatBytes(sizeBytes)} stored`,
    );
  if (contents.length === 0) return lines.join("\n");
  const table = renderTable(
    [
      { title: "entity" },
      { title: "table" },
      { title: "rows", align: "right" },
      { title: "as text", align: "right" },
    ],
    contents.map((entry) => [
      entry.entity,
      entry.table,
      formatCount(entry.rows),
      formatBytes(entry.rawBytes),
    ]),
  );
  return [...lines, "", table].join("\n");
}
