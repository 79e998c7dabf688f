// holdfast tokens: personal access tokens at a server, for scripts.
import type { Command } from "commander";
import type { CreateTokenOptions } from "../acts/tokens.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { collectNames, parseTime } from "../options.ts";
import { addApiOptions, type ApiOptions } from "../server-options.ts";

export function define(command: Command, context: CommandContext): void {
  command
    .description(
      "Makes, lists and deletes your own personal access tokens at a server, for scripts and curl.",
    )
    .commandsGroup("Commands:");
  defineList(command.command("list").summary("all of yours"), context);
  defineCreate(command.command("create").summary("a new one; its text is shown this once"), context);
  defineDelete(command.command("delete").summary("one, which is refused from then on"), context);
  addExamples(command, [
    ["holdfast tokens create --name nightly --permissions READ_ACLS", "prints the token"],
    ["holdfast tokens list", "which there are, and when each was last used"],
  ]);
}

function defineList(command: Command, { signal }: CommandContext): void {
  addApiOptions(command.description("Lists your tokens. Their texts are not shown again.")).action(
    async (options: ApiOptions) => {
      const { listTokens } = await import("../acts/tokens.ts");
      await listTokens(options, signal);
    },
  );
  addExamples(command, [["holdfast tokens list", "at the server that you are signed in at"]]);
}

function defineCreate(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Makes a token, which may do what you may or less, and prints it. It is kept nowhere: this is when to note it.",
    )
    .requiredOption("--name <name>", "what it is for")
    .option(
      "--permissions <names>",
      "only these, with commas between them, such as READ_ACLS,READ_STREAMS (default: all of yours)",
      collectNames,
    )
    .option(
      "--expires <time>",
      "when it ends: 2030-01-31, or 2030-01-31T12:00:00Z (default: never)",
      parseTime,
    );
  addApiOptions(command).action(async (options: CreateTokenOptions) => {
    const { createToken } = await import("../acts/tokens.ts");
    await createToken(options, signal);
  });
  addExamples(command, [
    [
      "TOKEN=$(holdfast tokens create --name nightly --permissions READ_ACLS)",
      "standard output is the token alone",
    ],
  ]);
}

function defineDelete(command: Command, { signal }: CommandContext): void {
  command
    .description("Deletes a token. Whoever sends it is refused from then on.")
    .argument("<id>", "as `holdfast tokens list` shows it");
  addApiOptions(command).action(async (id: string, options: ApiOptions) => {
    const { deleteToken } = await import("../acts/tokens.ts");
    await deleteToken(id, options, signal);
  });
  addExamples(command, [["holdfast tokens delete 8d0fcf9e-...", "the id, not the token"]]);
}
