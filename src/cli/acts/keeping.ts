// Pins and deletes the backups that a server keeps.
import { HoldfastError } from "../../core/errors.ts";
import { openApi } from "../client/api.ts";
import { DELETE_BACKUP, PIN_BACKUP } from "../client/keeping.ts";
import { printResult } from "../report.ts";
import type { ApiOptions } from "../server-options.ts";
import { askConfirmation, hasTerminal } from "../terminal/prompt.ts";

export interface DeleteOptions extends ApiOptions {
  readonly yes?: boolean;
}

export async function pinBackup(
  id: string,
  pinned: boolean,
  options: ApiOptions,
  signal: AbortSignal,
): Promise<void> {
  await using api = await openApi(options, signal);
  const { pinBackup } = await api.execute(PIN_BACKUP, { id, pinned });
  printResult(options, pinBackup, () => `The backup ${id} is ${pinned ? "pinned" : "not pinned any more"}.`);
}

/** Asks first where there is somebody to ask. @throws HoldfastError CANCELLED for anything but a yes */
export async function deleteBackup(id: string, options: DeleteOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal);
  if (
    options.yes !== true &&
    hasTerminal() &&
    (await askConfirmation(`Delete the backup ${id}?`, signal)) !== true
  )
    throw new HoldfastError("CANCELLED", "Not deleted.");
  const { deleteBackup: backup } = await api.execute(DELETE_BACKUP, { id });
  printResult(options, backup, () =>
    backup.deletedAt === null
      ? `The backup ${id} is deleted. A store does not answer yet; what it has of it goes as soon as it does.`
      : `The backup ${id} is deleted from all of its stores.`,
  );
}
