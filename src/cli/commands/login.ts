// holdfast login: signs in at a server, and keeps the token for later commands.
import type { Command } from "commander";
import type { LoginOptions } from "../acts/login.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { serverOption } from "../server-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Signs in at a server and keeps the token for later commands, in holdfast/credentials.json below XDG_CONFIG_HOME " +
        "(~/.config), readable by its user alone. The user name and the password are asked for; the password is not kept.",
    )
    .addOption(serverOption())
    .option("-u, --username <name>", "instead of being asked for it")
    .option("--password-file <file>", "a file that holds the password, instead of being asked for it")
    .option("--json", "print the result as JSON")
    .action(async (options: LoginOptions) => {
      const { runLogin } = await import("../acts/login.ts");
      await runLogin(options, signal);
    });
  addExamples(command, [
    ["holdfast login --server https://backups.example.org", "asks for user name and password"],
    [
      "holdfast login --server https://backups.example.org --username admin --password-file secret",
      "where nobody can be asked",
    ],
  ]);
}
