// holdfast inspect: what a backup says of itself, and what it holds.
import type { Command } from "commander";
import type { InspectOptions } from "../acts/inspect.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { addSignatureOptions, addUnlockOptions } from "../shared-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Says when a backup was made, how it is encrypted, and which entities, tables and rows it holds. What an encrypted " +
        "one holds is shown to those who can open it; to others, what anybody can see.",
    )
    .requiredOption("-i, --input <file>", "the backup; - is standard input")
    .option("--json", "print the result as JSON");
  addUnlockOptions(addSignatureOptions(command)).action(async (options: InspectOptions) => {
    const { runInspect } = await import("../acts/inspect.ts");
    await runInspect(options, signal);
  });
  addExamples(command, [
    ["holdfast inspect --input backup.tar", "as a table"],
    ["holdfast inspect --input backup.enc --passphrase-file secret --json | jq .tables", "as JSON"],
  ]);
}
