// holdfast backups: those that are kept.
import { Option, type Command } from "commander";
import type { DownloadOptions, ListBackupsOptions } from "../acts/backups.ts";
import type { DeleteOptions } from "../acts/keeping.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { defineImport, defineRekey, defineVerify } from "./backup-artifacts.ts";
import { collectNames, parseCount } from "../options.ts";
import { addApiOptions, addServerOptions, type ApiOptions } from "../server-options.ts";
import { addReportOptions, addUnlockOptions } from "../shared-options.ts";

export function define(command: Command, context: CommandContext): void {
  command
    .description(
      "Lists, shows, cancels, downloads, verifies, imports, pins and deletes the backups that are kept, through a server or on its " +
        "database itself. `holdfast backup --store NAME` makes one.",
    )
    .commandsGroup("Commands:");
  defineList(command.command("list").summary("the latest"), context);
  defineShow(command.command("show").summary("all about one"), context);
  defineCancel(command.command("cancel").summary("one that waits or is being made"), context);
  defineDownload(command.command("download").summary("one, as a single file"), context);
  defineVerify(command.command("verify").summary("whether one is sound"), context);
  defineRekey(command.command("rekey").summary("another passphrase or other recipients for one"), context);
  defineImport(command.command("import").summary("one that was made elsewhere"), context);
  definePin(command.command("pin").summary("keep one, whatever any policy says"), context);
  defineUnpin(command.command("unpin").summary("let it go again when its time has come"), context);
  defineDelete(command.command("delete").summary("one, from all of its stores"), context);
  addExamples(command, [
    ["holdfast backups list --status SUCCEEDED", "those that can be restored"],
    ["holdfast backups download 72866ba3-... --output backup.tar", "one, as a single file"],
  ]);
}

const ID = "as `holdfast backups list` shows it";

function defineList(command: Command, { signal }: CommandContext): void {
  command
    .description("Lists the backups that are kept, as far as you may read them, the latest first.")
    .option("--limit <number>", "how many at most", parseCount, 20)
    .addOption(
      new Option("--status <status>", "only those in this state").choices([
        ...["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"],
      ]),
    )
    .option("--entity <name>", "only those that hold it", collectNames)
    .option("--schedule <schedule>", "only those of this one, by name or id")
    .option("--deleted", "those that are deleted, instead of those that are not")
    .option(
      "--store <store>",
      "only what lies in this directory, or store of the configuration, as it says itself: no ledger is asked",
    );
  addApiOptions(addUnlockOptions(command)).action(async (options: ListBackupsOptions) => {
    const { listBackups } = await import("../acts/backups.ts");
    await listBackups(options, signal);
  });
  addExamples(command, [
    ["holdfast backups list --entity users --limit 3", "the latest three with users"],
    ["holdfast backups list --store /srv/backups", "what lies there, whoever made it"],
    ["holdfast backups list --status SUCCEEDED --limit 1 --json | jq -r '.[0].id'", "for scripts"],
  ]);
}

function defineShow(command: Command, { signal }: CommandContext): void {
  command.description("Shows a backup: its state, what it holds, where it is.").argument("<id>", ID);
  addApiOptions(command).action(async (id: string, options: ApiOptions) => {
    const { showBackup } = await import("../acts/backups.ts");
    await showBackup(id, options, signal);
  });
  addExamples(command, [["holdfast backups show 72866ba3-...", "its tables and their rows"]]);
}

function defineCancel(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Cancels a backup that waits or is being made, wherever its worker is; nothing is left of it.",
    )
    .argument("<id>", ID);
  addApiOptions(command).action(async (id: string, options: ApiOptions) => {
    const { cancelBackup } = await import("../acts/backups.ts");
    await cancelBackup(id, options, signal);
  });
  addExamples(command, [["holdfast backups cancel 72866ba3-...", "ends within two seconds"]]);
}

function defineDownload(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Downloads a backup as a single file, which every other command reads. The file appears under its name only when it is " +
        "whole.",
    )
    .argument("<id>", ID)
    .requiredOption("-o, --output <file>", "the file to write; - is standard output");
  addServerOptions(addReportOptions(command)).action(async (id: string, options: DownloadOptions) => {
    const { downloadBackup } = await import("../acts/backups.ts");
    await downloadBackup(id, options, signal);
  });
  addExamples(command, [
    ["holdfast backups download 72866ba3-... --output backup.tar", "into a file"],
    ["holdfast backups download 72866ba3-... --output - | ssh host 'cat > backup.tar'", "to another host"],
  ]);
}

function definePin(command: Command, { signal }: CommandContext): void {
  command
    .description("Pins a backup: nobody and no policy deletes it, until it is unpinned.")
    .argument("<id>", ID);
  addApiOptions(command).action(async (id: string, options: ApiOptions) => {
    const { pinBackup } = await import("../acts/keeping.ts");
    await pinBackup(id, true, options, signal);
  });
  addExamples(command, [["holdfast backups pin 72866ba3-...", "for as long as you like"]]);
}

function defineUnpin(command: Command, { signal }: CommandContext): void {
  command.description("Unpins a backup: policies decide on it again.").argument("<id>", ID);
  addApiOptions(command).action(async (id: string, options: ApiOptions) => {
    const { pinBackup } = await import("../acts/keeping.ts");
    await pinBackup(id, false, options, signal);
  });
  addExamples(command, [["holdfast backups unpin 72866ba3-...", "before it may be deleted"]]);
}

function defineDelete(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Deletes a backup from all of its stores. It cannot be brought back. What is pinned, or being read, is not deleted.",
    )
    .argument("<id>", ID)
    .option("-y, --yes", "do not ask");
  addApiOptions(command).action(async (id: string, options: DeleteOptions) => {
    const { deleteBackup } = await import("../acts/keeping.ts");
    await deleteBackup(id, options, signal);
  });
  addExamples(command, [["holdfast backups delete 72866ba3-...", "asks first, on a terminal"]]);
}
