// holdfast admin: backup and restore of a data directory while no server runs, a file for each group.
import type { Command } from "commander";
import type { AdminBackupOptions } from "../acts/admin-backup.ts";
import type { AdminRestoreOptions } from "../acts/admin-restore.ts";
import { addExamples, type CommandContext } from "../command.ts";
import {
  addEncryptOptions,
  addReportOptions,
  addRestoringOptions,
  addSignatureOptions,
  addTargetOptions,
  addUnlockOptions,
} from "../shared-options.ts";

export function define(command: Command, context: CommandContext): void {
  command
    .description(
      "Backs up and restores a data directory while no server runs on it, with a file for each group.",
    )
    .commandsGroup("Commands:");
  defineAdminBackup(command.command("backup").summary("a file for each group"), context);
  defineAdminRestore(command.command("restore").summary("those files, put back"), context);
  addExamples(command, [
    ["holdfast admin backup --backup-dir ./backup", "auth.db, config.db, log.db, workspace.db, audit.db"],
    ["holdfast admin restore --backup-dir ./backup", "put back"],
  ]);
}

function defineAdminBackup(command: Command, { signal }: CommandContext): void {
  command.description(
    "Writes a file for each group into a directory: auth.db, config.db, log.db, workspace.db and audit.db, with everything " +
      "that there is of each. For a data directory whose server does not run; nothing is written to any of its tables.",
  );
  addReportOptions(addEncryptOptions(addTargetOptions(command))).action(
    async (options: AdminBackupOptions) => {
      const { runAdminBackup } = await import("../acts/admin-backup.ts");
      await runAdminBackup(options, signal);
    },
  );
  addExamples(command, [
    ["holdfast admin backup --backup-dir ./backup", "of the data directory .holdfast"],
    [
      "holdfast admin backup --backup-dir ./backup --data-dir /var/lib/holdfast --encrypt",
      "of another one, encrypted",
    ],
  ]);
}

function defineAdminRestore(command: Command, { signal }: CommandContext): void {
  command.description(
    "Puts back the files of a directory that `holdfast admin backup` has written: auth.db, config.db, log.db (or logs.db), " +
      "workspace.db and audit.db, or those of them that are there. It overwrites what the files hold and keeps what came " +
      "later; --mode replace deletes that too. Where there is no data directory, a new database is made of the files.",
  );
  addUnlockOptions(addSignatureOptions(addRestoringOptions(addTargetOptions(command)))).action(
    async (options: AdminRestoreOptions) => {
      const { runAdminRestore } = await import("../acts/admin-restore.ts");
      await runAdminRestore(options, signal);
    },
  );
  addExamples(command, [
    ["holdfast admin restore --backup-dir ./backup", "into the data directory .holdfast"],
    ["holdfast admin restore --backup-dir ./backup --mode replace --yes", "exactly as it was"],
    ["rm -r .holdfast; holdfast admin restore --backup-dir ./backup", "into a new database"],
  ]);
}
