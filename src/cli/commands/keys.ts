// holdfast keys: the key that backups are signed with, and those that a server trusts.
import type { Command } from "commander";
import type { ShowKeyOptions, TrustKeyOptions } from "../acts/keys.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { addApiOptions, type ApiOptions } from "../server-options.ts";

export function define(command: Command, context: CommandContext): void {
  command
    .description(
      "Backups are signed with the key of the installation that makes them. A server restores what it has signed itself, and " +
        "what is signed with a key that it trusts.",
    )
    .commandsGroup("Commands:");
  defineShow(command.command("show").summary("the public key of this installation; no server need run"));
  defineList(command.command("list").summary("those that a server trusts"), context);
  defineTrust(
    command.command("trust").summary("restore backups of another installation as its own"),
    context,
  );
  defineDistrust(command.command("distrust").summary("and no more"), context);
  addExamples(command, [
    ["holdfast keys show", "at the old host: MCowBQYDK2VwAyEA..."],
    ["holdfast keys trust MCowBQYDK2VwAyEA... --name old-host", "at the new one"],
  ]);
}

function defineShow(command: Command): void {
  command
    .description(
      "Prints the public key that this installation signs backups with. It comes out of HOLDFAST_SECRET_KEY, or of the secret " +
        "in the data directory.",
    )
    .option(
      "--data-dir <dir>",
      "another installation's data directory (default: HOLDFAST_DATA_DIR, or .holdfast)",
    )
    .option("--json", "print the result as JSON")
    .action(async (options: ShowKeyOptions) => {
      const { showKey } = await import("../acts/keys.ts");
      await showKey(options);
    });
  addExamples(command, [["holdfast keys show", "give it to whoever is to restore your backups"]]);
}

function defineList(command: Command, { signal }: CommandContext): void {
  addApiOptions(command.description("Lists the keys whose signatures a server trusts.")).action(
    async (options: ApiOptions) => {
      const { listKeys } = await import("../acts/keys.ts");
      await listKeys(options, signal);
    },
  );
  addExamples(command, [["holdfast keys list", "the server's own key first"]]);
}

function defineTrust(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Has a server restore what is signed with a key as it restores its own backups. Get the key from whoever has it, not from " +
        "the backup. Needs MANAGE_BACKUPS and RESTORE_UNTRUSTED.",
    )
    .argument("<key>", "as `holdfast keys show` prints it there")
    .requiredOption("--name <name>", "whose it is");
  addApiOptions(command).action(async (key: string, options: TrustKeyOptions) => {
    const { trustKey } = await import("../acts/keys.ts");
    await trustKey(key, options, signal);
  });
  addExamples(command, [
    ["holdfast keys trust MCowBQYDK2VwAyEA... --name old-host", "a move to another host"],
  ]);
}

function defineDistrust(command: Command, { signal }: CommandContext): void {
  command.description("Takes the trust back.").argument("<key>", "as `holdfast keys list` shows it");
  addApiOptions(command).action(async (key: string, options: ApiOptions) => {
    const { distrustKey } = await import("../acts/keys.ts");
    await distrustKey(key, options, signal);
  });
  addExamples(command, [
    ["holdfast keys distrust MCowBQYDK2VwAyEA...", "also a former key of the server itself"],
  ]);
}
