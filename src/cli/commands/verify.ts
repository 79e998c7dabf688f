// holdfast verify: whether a backup is what was written, without a database.
import { Option, type Command } from "commander";
import type { VerifyOptions } from "../acts/verify.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { addReportOptions, addUnlockOptions } from "../shared-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description("Reads a backup through, and fails unless it is, byte for byte, what was written.")
    .requiredOption("-i, --input <file>", "the backup; - is standard input")
    .addOption(
      new Option(
        "--level <level>",
        "stored: every byte is the one that was stored (no key is needed); contents: besides, all of it decrypts, " +
          "decompresses and holds the rows that it should",
      )
        .choices(["stored", "contents"])
        .default("contents"),
    );
  addUnlockOptions(addReportOptions(command)).action(async (options: VerifyOptions) => {
    const { runVerify } = await import("../acts/verify.ts");
    await runVerify(options, signal);
  });
  addExamples(command, [
    ["holdfast verify --input backup.enc", "asks for the passphrase"],
    ["holdfast verify --input backup.enc --level stored", "where the passphrase is not"],
  ]);
}
