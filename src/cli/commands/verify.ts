// holdfast verify: whether a backup is what was written, without a database of one's own.
import type { Command } from "commander";
import { completePostgresUrl } from "../../core/postgres-url.ts";
import type { VerifyOptions } from "../acts/verify.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { LEVEL } from "./backup-artifacts.ts";
import { addReportOptions, addSignatureOptions, addUnlockOptions } from "../shared-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description("Reads a backup through, and fails unless it is, byte for byte, what was written.")
    .requiredOption("-i, --input <file>", "the backup; - is standard input")
    .addOption(LEVEL)
    .option(
      "--database-url <url>",
      "for a drill: a database on the server that its scratch databases are made on (default: an embedded server, for as " +
        "long as it takes)",
      completePostgresUrl,
    );
  addUnlockOptions(addSignatureOptions(addReportOptions(command))).action(async (options: VerifyOptions) => {
    const { runVerify } = await import("../acts/verify.ts");
    await runVerify(options, signal);
  });
  addExamples(command, [
    ["holdfast verify --input backup.enc", "asks for the passphrase"],
    ["holdfast verify --input backup.enc --level stored", "where the passphrase is not"],
    ["holdfast verify --input backup.enc --level drill", "a restore, on trial, into an embedded PostgreSQL"],
  ]);
}
