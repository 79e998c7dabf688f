// holdfast backup: entities into one file, encrypted or not, as an artifact or as JSON.
import { Option, type Command } from "commander";
import type { BackupOptions } from "../acts/backup.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { collectList, collectNames } from "../options.ts";
import { addServerOptions } from "../server-options.ts";
import { addEncryptOptions, addReportOptions } from "../shared-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Writes users, roles, groups, API tokens, pipelines, transformers, alerts, streams, templates, spaces and " +
        "variables into one file, as they are at one moment; audit logs and configuration values only when asked for. " +
        "With a configuration file (HOLDFAST_CONFIG, or holdfast.config.ts) it is the entities of that file, and Holdfast's own. " +
        "The file appears under its name only when it is whole. It works on the database itself, and no server need run, unless a " +
        "server is named: then that makes the backup, and without --output keeps it. --store keeps it without a server, too.",
    )
    .option("-o, --output <file>", "the file to write; - is standard output")
    .option("--entities <names>", "only these, with commas between them", collectNames)
    .option(
      "--groups <names>",
      "only the entities of these groups: auth, config, logs, workspace, audit, or those of the configuration file",
      collectNames,
    )
    .option(
      "--store <names>",
      "keep it in these stores, with commas between them: those of the configuration, or of the server (default: its default ones)",
      collectList,
    )
    .option("--include-audit", "the audit logs too")
    .option("--include-config", "the configuration values too")
    .addOption(
      new Option(
        "--format <form>",
        "an artifact, or JSON for people and jq (default: by the file's name)",
      ).choices(["artifact", "json"]),
    );
  addServerOptions(addReportOptions(addEncryptOptions(command))).action(async (options: BackupOptions) => {
    const { runBackup } = await import("../acts/backup.ts");
    await runBackup(options, signal);
  });
  addExamples(command, [
    ["holdfast backup --output backup.json", "readable JSON, not encrypted"],
    ["holdfast backup --encrypt --output backup.enc", "encrypted; asks for a passphrase"],
    ["holdfast backup --include-audit --include-config --output full.tar", "everything there is"],
    [
      "holdfast backup --entities templates,spaces --recipient age1... --output - | ssh host 'cat > b.enc'",
      "some of it",
    ],
    ["holdfast backup --server https://backups.example.org", "made and kept by a server; prints its id"],
  ]);
}
