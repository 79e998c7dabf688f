// Options that several commands have, and what they are once they have been read. The options alone: help loads nothing heavy.
import { Option, type Command } from "commander";
import { completePostgresUrl } from "../core/postgres-url.ts";
import { collectValues } from "./options.ts";

export interface ReportOptions {
  /** Print the result as JSON. */
  readonly json?: boolean;
  /** Say nothing but what goes wrong. */
  readonly quiet?: boolean;
}

export function addReportOptions(command: Command): Command {
  return command
    .option("--json", "print the result as JSON")
    .option("-q, --quiet", "say nothing but what goes wrong");
}

export interface EncryptOptions {
  readonly encrypt?: boolean;
  readonly recipient?: readonly string[];
  readonly passphraseFile?: string;
}

export function addEncryptOptions(command: Command): Command {
  return command
    .option(
      "--encrypt",
      "encrypt with a passphrase: asked for twice, or HOLDFAST_PASSPHRASE, or --passphrase-file",
    )
    .addOption(
      recipientOption("encrypt to an age recipient (may be repeated); its identity opens the backup"),
    )
    .option("--passphrase-file <file>", "a file that holds the passphrase");
}

export function recipientOption(description: string): Option {
  return new Option("--recipient <age1...>", description).argParser(collectValues);
}

export interface UnlockOptions {
  readonly passphraseFile?: string;
  readonly identityFile?: string;
}

export function addUnlockOptions(command: Command): Command {
  return command
    .option(
      "--passphrase-file <file>",
      "a file that holds the passphrase, for a backup that is encrypted with one",
    )
    .option(
      "--identity-file <file>",
      "a file that holds an age identity, for a backup that is encrypted to recipients",
    );
}

export interface SignatureOptions {
  readonly requireSignature?: boolean;
  /** Public keys. */
  readonly trust?: readonly string[];
}

export function addSignatureOptions(command: Command): Command {
  return command
    .option(
      "--require-signature",
      "refuse a backup that is signed neither with this installation's key nor with one that --trust names",
    )
    .addOption(
      new Option(
        "--trust <key>",
        "a public key that backups may be signed with, as `holdfast keys show` prints it (may be repeated)",
      ).argParser(collectValues),
    );
}

export interface RestoringOptions extends ReportOptions {
  readonly mode: "merge" | "replace" | "insert-missing";
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export function addRestoringOptions(command: Command): Command {
  command
    .addOption(
      new Option(
        "--mode <mode>",
        "merge: overwrite what the backup holds, keep what came later; insert-missing: overwrite nothing; " +
          "replace: make the tables what the backup holds, and delete the rest",
      )
        .choices(["merge", "replace", "insert-missing"])
        .default("merge"),
    )
    .option("--dry-run", "only say what would change")
    .option("-y, --yes", "do not ask");
  return addReportOptions(command);
}

export interface TargetOptions {
  readonly backupDir: string;
  readonly dataDir?: string;
  readonly databaseUrl?: string;
}

export function addTargetOptions(command: Command): Command {
  return command
    .requiredOption("--backup-dir <dir>", "where the files are, one for each group")
    .option(
      "--data-dir <dir>",
      "the data directory of a server that does not run (default: HOLDFAST_DATA_DIR, or .holdfast)",
    )
    .option(
      "--database-url <url>",
      "a PostgreSQL database instead (default: HOLDFAST_DATABASE_URL)",
      completePostgresUrl,
    );
}
