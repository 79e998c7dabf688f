// Lists, shows and cancels the restores of a server.
import { HoldfastError } from "../../core/errors.ts";
import { collectPages, openApi, type Api } from "../client/api.ts";
import { CANCEL_RUN, RESTORE, RESTORES, type ListedRestore } from "../client/listings.ts";
import { printResult } from "../report.ts";
import type { ApiOptions } from "../server-options.ts";
import { renderChanges, summariseChanges } from "../terminal/changes.ts";
import { formatTime } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";
import { describeCancelled, describeRun } from "./describe-run.ts";

export interface ListRestoresOptions extends ApiOptions {
  readonly limit: number;
}

export async function listRestores(options: ListRestoresOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  const restores = await collectPages(
    options.limit,
    async (page) => (await api.execute(RESTORES, page)).restores,
  );
  printResult(options, restores, () =>
    renderTable(
      ["id", "asked for", "status", "mode", "backup", "entities"].map((title) => ({ title })),
      restores.map((restore) => [
        restore.id,
        formatTime(restore.createdAt),
        restore.status,
        restore.dryRun ? `${restore.mode}, preview` : restore.mode,
        restore.backup.id,
        restore.entities.join(" "),
      ]),
    ),
  );
}

export async function showRestore(id: string, options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  const restore = await findRestore(api, id);
  printResult(options, restore, () => describeRestoreRun(restore));
}

export async function cancelRestore(id: string, options: ApiOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  // A backup's id is no restore's.
  await findRestore(api, id);
  const { cancelRun } = await api.execute(CANCEL_RUN, { id });
  printResult(options, cancelRun, () => describeCancelled("restore", cancelRun));
}

/** @throws HoldfastError NOT_FOUND */
async function findRestore(api: Api, id: string): Promise<ListedRestore> {
  const { restore } = await api.execute(RESTORE, { id });
  if (restore !== null) return restore;
  throw new HoldfastError("NOT_FOUND", `There is no restore ${id} at ${api.place}.`);
}

function describeRestoreRun(restore: ListedRestore): string {
  const { changes } = restore;
  const lines = [
    ...describeRun(restore),
    `backup      ${restore.backup.id}`,
    `mode        ${restore.mode}${restore.dryRun ? ", preview: nothing was changed" : ""}`,
    `entities    ${restore.entities.join(", ")}`,
  ];
  if (changes.length === 0) return lines.join("\n");
  return [...lines, `changes     ${summariseChanges(changes)}`, "", renderChanges(changes)].join("\n");
}
