// holdfast backups verify, rekey and import.
import { Option, type Command } from "commander";
import type { ImportOptions, RekeyKeptOptions, VerifyKeptOptions } from "../acts/artifacts.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { addApiOptions, addServerOptions } from "../server-options.ts";
import { addReportOptions, addUnlockOptions, recipientOption } from "../shared-options.ts";

const ID = "as `holdfast backups list` shows it";

export const LEVEL = new Option(
  "--level <level>",
  "stored: every byte is the one that was stored (no key is needed); contents: besides, all of it decrypts, " +
    "decompresses and holds the rows that it should; drill: it is restored into a scratch database, and what is there " +
    "then is compared with what was backed up",
)
  .choices(["stored", "contents", "drill"])
  .default("contents");

export function defineVerify(command: Command, { signal }: CommandContext): void {
  command
    .description("Reads a backup through, in every store that has it, and fails unless it is sound.")
    .argument("<id>", ID)
    .addOption(LEVEL);
  addServerOptions(addUnlockOptions(addReportOptions(command))).action(
    async (id: string, options: VerifyKeptOptions) => {
      const { verifyKept } = await import("../acts/artifacts.ts");
      await verifyKept(id, options, signal);
    },
  );
  addExamples(command, [
    ["holdfast backups verify 72866ba3-... --level stored", "the bytes in every store; no key is needed"],
    ["holdfast backups verify 72866ba3-... --level drill", "a restore, on trial"],
  ]);
}

export function defineRekey(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Gives a backup another passphrase, or other recipients, in every store that has it. Its data is not written anew, so " +
        "that whoever kept a copy and the old key can still read that.",
    )
    .argument("<id>", ID);
  addUnlockOptions(command)
    .option(
      "--new-passphrase-file <file>",
      "a file that holds the new passphrase; without one it is asked for, twice",
    )
    .addOption(recipientOption("encrypt to an age recipient instead (may be repeated)"));
  addApiOptions(command).action(async (id: string, options: RekeyKeptOptions) => {
    const { rekeyKept } = await import("../acts/artifacts.ts");
    await rekeyKept(id, options, signal);
  });
  addExamples(command, [
    ["holdfast backups rekey 72866ba3-...", "asks for the old passphrase, then twice for the new one"],
    ["holdfast backups rekey 72866ba3-... --recipient age1...", "to a recipient instead"],
  ]);
}

export function defineImport(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Takes a backup that was made elsewhere into a store, under its own id, once every byte has proved to " +
        "be the one that was written.",
    )
    .argument("<file>", "the backup; - is standard input")
    .option("--store <name>", "where it is kept (default: the server's first default store)");
  addServerOptions(addUnlockOptions(addReportOptions(command))).action(
    async (file: string, options: ImportOptions) => {
      const { importBackup } = await import("../acts/artifacts.ts");
      await importBackup(file, options, signal);
    },
  );
  addExamples(command, [
    ["holdfast backups import backup.tar", "into the default store"],
    ["holdfast backups import backup.enc --passphrase-file pass.txt", "with its key, to list what it holds"],
  ]);
}
