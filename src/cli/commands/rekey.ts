// holdfast rekey: another passphrase, or other recipients, for an encrypted backup, without rewriting its data.
import type { Command } from "commander";
import type { RekeyOptions } from "../acts/rekey.ts";
import { addExamples, type CommandContext } from "../command.ts";
import {
  addReportOptions,
  addSignatureOptions,
  addUnlockOptions,
  recipientOption,
} from "../shared-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Writes an encrypted backup again under another passphrase, or to other recipients. Whoever kept the old file and the " +
        "old key can still read that one: to lock somebody out, make a new backup.",
    )
    .requiredOption("-i, --input <file>", "the backup; - is standard input")
    .requiredOption("-o, --output <file>", "the file to write; - is standard output");
  addUnlockOptions(addSignatureOptions(command))
    .option(
      "--new-passphrase-file <file>",
      "a file that holds the new passphrase; without one it is asked for, twice",
    )
    .addOption(recipientOption("encrypt to an age recipient instead (may be repeated)"));
  addReportOptions(command).action(async (options: RekeyOptions) => {
    const { runRekey } = await import("../acts/rekey.ts");
    await runRekey(options, signal);
  });
  addExamples(command, [
    [
      "holdfast rekey --input old.enc --output new.enc",
      "asks for the old passphrase, then twice for the new one",
    ],
    [
      "holdfast rekey --input old.enc --output new.enc --recipient age1...",
      "from a passphrase to a recipient",
    ],
  ]);
}
