// holdfast extract: a backup as plain files, for any other tool.
import type { Command } from "commander";
import type { ExtractOptions } from "../acts/extract.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { addReportOptions, addUnlockOptions } from "../shared-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Writes a backup into a directory as plain files: manifest.json, which says what there is, and for every table its " +
        "rows as PostgreSQL's COPY text and as JSON, one object a line. They are not encrypted.",
    )
    .requiredOption("-i, --input <file>", "the backup; - is standard input")
    .requiredOption("-o, --output <dir>", "the directory to write; not there yet, or empty");
  addUnlockOptions(addReportOptions(command)).action(async (options: ExtractOptions) => {
    const { runExtract } = await import("../acts/extract.ts");
    await runExtract(options, signal);
  });
  addExamples(command, [
    ["holdfast extract --input backup.enc --output ./backup", "asks for the passphrase"],
    [String.raw`psql -c "\copy platform.roles from backup/platform.roles.copy"`, "what psql then takes"],
  ]);
}
